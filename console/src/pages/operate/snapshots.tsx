import { useState } from "preact/hooks";
import { api, type Snapshot, useAction, useResource } from "../../api/index.js";
import {
  Button,
  Check,
  Confirm,
  Empty,
  Loading,
  Problem,
  Section,
  Slices,
  Table,
  Time,
  Value,
} from "../../components/index.js";
import { bytes, count, milliseconds, number } from "../../format.js";
import { notify } from "../../notices.js";
import { strings } from "../../strings.js";

const words = strings.operate.snapshots;

/** The snapshots of the whole store: make, verify, restore. */
export function SnapshotsPart() {
  const snapshots = useResource((signal) => api().listSnapshots({ signal }), []);
  const making = useAction();
  const [restoring, setRestoring] = useState<Snapshot>();
  const list = snapshots.data?.snapshots;
  const make = async () => {
    const { name, paused_ms } = await api().createSnapshot();
    notify(words.made(name, milliseconds(paused_ms)));
    snapshots.reload();
  };
  return (
    <Section
      title={words.title}
      actions={
        <Button kind="primary" icon="plus" busy={making.busy} onClick={() => making.run(make)}>
          {making.busy ? words.making : words.make}
        </Button>
      }
    >
      <p class="muted intro">{words.intro}</p>
      <Problem error={making.error} />
      <Problem error={snapshots.error} retry={snapshots.reload} />
      {!list && snapshots.loading && <Loading />}
      {list && (
        <Slices items={list} empty={<Empty title={words.none}>{words.noneHint}</Empty>}>
          {(shown) => (
            <Table
              label={words.title}
              rows={shown}
              id={({ name }) => name}
              columns={[
                { name: words.name, cell: ({ name }) => <Value code>{name}</Value> },
                { name: words.at, cell: ({ created_at }) => <Time at={created_at} /> },
                { name: words.contexts, cell: ({ contexts }) => number(contexts), number: true },
                { name: words.tenants, cell: ({ tenants }) => number(Object.keys(tenants).length), number: true },
                { name: words.size, cell: (snapshot) => bytes(snapshot.bytes), number: true },
                {
                  name: words.actions,
                  cell: (snapshot) => <Actions name={snapshot.name} onRestore={() => setRestoring(snapshot)} />,
                },
              ]}
            />
          )}
        </Slices>
      )}
      {restoring && <Restore snapshot={restoring} onClose={() => setRestoring(undefined)} />}
    </Section>
  );
}

function Actions({ name, onRestore }: { name: string; onRestore: () => void }) {
  const verifying = useAction();
  const verify = async () => {
    const { files } = await api().verifySnapshot(name);
    notify(words.verified(name, number(files)));
  };
  return (
    <>
      <span class="actions">
        <Button busy={verifying.busy} onClick={() => verifying.run(verify)}>
          {verifying.busy ? words.verifying : words.verify}
        </Button>
        <Button kind="danger" onClick={onRestore}>
          {words.restore}
        </Button>
      </span>
      <Problem error={verifying.error} />
    </>
  );
}

function Restore({ snapshot, onClose }: { snapshot: Snapshot; onClose: () => void }) {
  const [erased, setErased] = useState(false);
  const restore = async () => {
    const { erased_again, paused_ms } = await api().restoreSnapshot(snapshot.name, { accept_erased: erased });
    notify(words.restored(snapshot.name, number(erased_again), milliseconds(paused_ms)));
  };
  return (
    <Confirm
      title={words.restoreTitle}
      phrase={snapshot.name}
      action={words.restore}
      danger
      onConfirm={restore}
      onClose={onClose}
    >
      <p>{words.restoreHint(count(snapshot.contexts, strings.contexts))}</p>
      <Check label={words.acceptErased} checked={erased} onChange={setErased} />
    </Confirm>
  );
}
