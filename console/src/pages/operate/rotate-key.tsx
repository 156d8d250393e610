import { useState } from "preact/hooks";
import { api, type CreatedKey, type Key } from "../../api/index.js";
import { Confirm, Select, TimeField } from "../../components/index.js";
import { localTime } from "../../format.js";
import { strings } from "../../strings.js";

const words = strings.operate.keys;

interface Props {
  of: Key;
  onRotated: (key: CreatedKey) => void;
  onClose: () => void;
}

/** A form for a key that takes the place of another one. */
export function RotateKey({ of: { id, expires_at }, onRotated, onClose }: Props) {
  const [grace, setGrace] = useState("86400");
  const [expires, setExpires] = useState(expires_at ? localTime(expires_at) : "");
  const rotate = async () => {
    const times = { grace_secs: Number(grace), ...(expires && { expires_at: new Date(expires).toISOString() }) };
    onRotated(await api().rotateKey(id, times));
  };
  return (
    <Confirm title={words.rotateTitle} action={words.rotate} onConfirm={rotate} onClose={onClose}>
      <p>{words.rotateHint}</p>
      <Select label={words.grace} value={grace} onInput={setGrace} options={words.graces} />
      <TimeField label={words.expires} value={expires} onInput={setExpires} hint={words.expiresHint} />
    </Confirm>
  );
}
