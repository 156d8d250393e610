import { useState } from "preact/hooks";
import { api, type CreatedKey, caller, type Permission } from "../../api/index.js";
import { Check, Confirm, TextField, TimeField } from "../../components/index.js";
import { strings } from "../../strings.js";

const words = strings.operate.keys;
const PERMISSIONS: readonly Permission[] = ["read", "write", "tenant_admin", "admin", "metrics"];

/** A form for a new key. */
export function CreateKey({ onCreated, onClose }: { onCreated: (key: CreatedKey) => void; onClose: () => void }) {
  const [name, setName] = useState("");
  const [tenant, setTenant] = useState(caller.value?.tenant ?? "");
  const [user, setUser] = useState("");
  const [expires, setExpires] = useState("");
  const [permissions, setPermissions] = useState<readonly Permission[]>(["read", "write"]);
  const create = async () => {
    const key = {
      tenant,
      permissions: [...permissions],
      ...(name && { name }),
      ...(user && { user_id: user }),
      ...(expires && { expires_at: new Date(expires).toISOString() }),
    };
    onCreated(await api().createKey(key));
  };
  return (
    <Confirm title={words.createTitle} action={words.create} onConfirm={create} onClose={onClose}>
      <TextField label={words.name} value={name} onInput={setName} hint={words.nameHint} autofocus />
      <TextField label={words.tenant} value={tenant} onInput={setTenant} required />
      <fieldset class="checks">
        <legend>{words.permissions}</legend>
        {PERMISSIONS.map((permission) => (
          <Check
            key={permission}
            label={words.names[permission]}
            checked={permissions.includes(permission)}
            onChange={(checked) =>
              setPermissions(PERMISSIONS.filter((one) => (one === permission ? checked : permissions.includes(one))))
            }
          />
        ))}
      </fieldset>
      <TextField label={words.user} value={user} onInput={setUser} hint={words.userHint} />
      <TimeField label={words.expires} value={expires} onInput={setExpires} hint={words.expiresHint} />
    </Confirm>
  );
}
