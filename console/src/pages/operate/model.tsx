import { useState } from "preact/hooks";
import { api, type ReembedProgress, usePolled } from "../../api/index.js";
import { Button, Confirm, Docs, Facts, Loading, Meter, Problem, Section, Value } from "../../components/index.js";
import { number, percent } from "../../format.js";
import { strings } from "../../strings.js";

const words = strings.operate.model;

/** The change to another embedding model while the server serves. */
export function ModelPart() {
  const change = usePolled((signal) => api().getReembedding({ signal, maxRetries: 0 }), 2000);
  const [asking, setAsking] = useState<"start" | "discard">();
  const { state, progress } = change.data ?? {};
  const running = state === "running";
  return (
    <Section
      title={words.title}
      actions={
        <>
          <Button kind="primary" disabled={running} onClick={() => setAsking("start")}>
            {words.start}
          </Button>
          <Button kind="danger" onClick={() => setAsking("discard")}>
            {running ? words.stop : words.discard}
          </Button>
        </>
      }
    >
      <p class="muted intro">
        {words.intro} <Docs page="how-to/embedding-models.md#change-the-model-while-serving">{words.docs}</Docs>
      </p>
      <Problem error={change.error} retry={change.reload} />
      {!change.data && change.loading && <Loading />}
      {state && (
        <div class="card stack">
          <Facts
            facts={[
              [
                words.state,
                <span key="state" role="status">
                  {words.states[state] ?? state}
                </span>,
              ],
              [words.from, progress && <Value>{progress.from}</Value>],
              [words.to, progress && <Value>{progress.to}</Value>],
              [words.phase, progress && (words.phases[progress.phase] ?? progress.phase)],
              [words.refused, progress?.refused ? number(progress.refused) : null],
            ]}
          />
          {progress && <Progress progress={progress} />}
        </div>
      )}
      {asking === "start" && (
        <Confirm
          title={words.startTitle}
          action={words.start}
          onConfirm={async () => change.set(await api().startReembedding())}
          onClose={() => setAsking(undefined)}
        >
          <p>{words.startHint}</p>
        </Confirm>
      )}
      {asking === "discard" && (
        <Confirm
          title={running ? words.stopTitle : words.discardTitle}
          action={running ? words.stop : words.discard}
          danger
          onConfirm={async () => {
            await api().discardReembedding();
            change.reload();
          }}
          onClose={() => setAsking(undefined)}
        >
          <p>{words.discardHint}</p>
        </Confirm>
      )}
    </Section>
  );
}

function Progress({ progress: { embedded, total } }: { progress: ReembedProgress }) {
  const share = total ? Math.min(1, embedded / total) : 1;
  return (
    <Meter
      label={words.progress}
      value={embedded}
      max={Math.max(total, 1)}
      text={words.progressOf(number(embedded), number(total), percent(share))}
    />
  );
}
