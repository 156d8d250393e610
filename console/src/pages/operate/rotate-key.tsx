import { useState } from "preact/hooks";
import { api, type CreatedKey } from "../../api/index.js";
import { Confirm, Select } from "../../components/index.js";
import { strings } from "../../strings.js";

const words = strings.operate.keys;

interface Props {
  id: string;
  onRotated: (key: CreatedKey) => void;
  onClose: () => void;
}

/** A form for a key that takes the place of another one. */
export function RotateKey({ id, onRotated, onClose }: Props) {
  const [grace, setGrace] = useState("86400");
  const rotate = async () => onRotated(await api().rotateKey(id, { grace_secs: Number(grace) }));
  return (
    <Confirm title={words.rotateTitle} action={words.rotate} onConfirm={rotate} onClose={onClose}>
      <p>{words.rotateHint}</p>
      <Select label={words.grace} value={grace} onInput={setGrace} options={words.graces} />
    </Confirm>
  );
}
