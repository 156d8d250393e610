import { useState } from "preact/hooks";
import { api, type CreatedKey, caller, type Key, useResource } from "../../api/index.js";
import {
  Button,
  Confirm,
  Dialog,
  Empty,
  Loading,
  Problem,
  Section,
  Slices,
  Table,
  Time,
  Value,
} from "../../components/index.js";
import { strings } from "../../strings.js";
import { CreateKey } from "./create-key.js";
import { NewKeyShown } from "./new-key.js";
import { RotateKey } from "./rotate-key.js";

const words = strings.operate.keys;
const STATES = { valid: "good", expired: "warning", revoked: "danger" } as const;

/** The keys: create, rotate, revoke. */
export function KeysPart() {
  const keys = useResource((signal) => api().listKeys({ signal }), []);
  const [creating, setCreating] = useState(false);
  const [rotating, setRotating] = useState<Key>();
  const [revoking, setRevoking] = useState<Key>();
  const [created, setCreated] = useState<CreatedKey>();
  const list = keys.data?.keys;

  return (
    <Section
      title={words.title}
      actions={
        <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
          {words.create}
        </Button>
      }
    >
      <p class="muted intro">{words.intro}</p>
      <Problem error={keys.error} retry={keys.reload} />
      {!list && keys.loading && <Loading />}
      {list && (
        <Slices items={list} empty={<Empty title={words.none}>{words.noneHint}</Empty>}>
          {(shown) => (
            <Table
              label={words.title}
              rows={shown}
              id={({ id }) => id}
              columns={[
                { name: words.name, cell: (key) => <Named of={key} /> },
                { name: words.tenant, cell: ({ tenant }) => <Value>{tenant}</Value> },
                {
                  name: words.permissions,
                  cell: ({ permissions }) => permissions.map((one) => words.names[one]).join(", "),
                },
                {
                  name: words.state,
                  cell: ({ state }) => <span class={`badge ${STATES[state]}`}>{words.states[state]}</span>,
                },
                {
                  name: words.expires,
                  cell: ({ expires_at }) => (expires_at ? <Time at={expires_at} /> : words.never),
                },
                {
                  name: words.used,
                  cell: ({ last_used_at }) => (last_used_at ? <Time at={last_used_at} /> : words.unused),
                },
                {
                  name: words.actions,
                  cell: (key) =>
                    key.state !== "revoked" && (
                      <span class="actions">
                        <Button onClick={() => setRotating(key)}>{words.rotate}</Button>
                        <Button kind="danger" onClick={() => setRevoking(key)}>
                          {words.revoke}
                        </Button>
                      </span>
                    ),
                },
              ]}
            />
          )}
        </Slices>
      )}
      {creating && <CreateKey onCreated={setCreated} onClose={() => setCreating(false)} />}
      {rotating && <RotateKey of={rotating} onRotated={setCreated} onClose={() => setRotating(undefined)} />}
      {revoking && (
        <Confirm
          title={words.revokeTitle}
          action={words.revoke}
          danger
          onConfirm={async () => {
            await api().revokeKey(revoking.id);
            keys.reload();
          }}
          onClose={() => setRevoking(undefined)}
        >
          <p>
            <Named of={revoking} />
          </p>
          <p>{revoking.id === caller.value?.key_id ? words.revokeOwn : words.revokeHint}</p>
        </Confirm>
      )}
      {created && (
        <Dialog title={words.created}>
          <NewKeyShown
            created={created}
            onClose={() => {
              setCreated(undefined);
              keys.reload();
            }}
          />
        </Dialog>
      )}
    </Section>
  );
}

function Named({ of: { id, name, user_id, rotated_from } }: { of: Key }) {
  return (
    <>
      {name && (
        <>
          <Value>{name}</Value>{" "}
        </>
      )}
      <code>{id}</code>
      {id === caller.value?.key_id && <span class="badge"> {words.own}</span>}
      {user_id && (
        <span class="small muted">
          {" "}
          {strings.context.user} <Value>{user_id}</Value>
        </span>
      )}
      {rotated_from && (
        <span class="small muted">
          {" "}
          {words.replaces} <code>{rotated_from}</code>
        </span>
      )}
    </>
  );
}
