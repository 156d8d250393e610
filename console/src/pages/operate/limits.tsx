import { api, usePolled } from "../../api/index.js";
import { Docs, Empty, Facts, Loading, Meter, Problem, Section, Table } from "../../components/index.js";
import { bytes, count, number } from "../../format.js";
import { strings } from "../../strings.js";

const words = strings.operate.limits;

/** The limits with their use since the server started. They are set in the configuration. */
export function LimitsPart() {
  const stats = usePolled((signal) => api().getStats({ signal, maxRetries: 0 }), 5000);
  const { limits, memory } = stats.data ?? {};
  return (
    <Section title={words.title}>
      <p class="muted intro">
        {words.intro} <Docs page="how-to/limits.md">{words.docs}</Docs>
      </p>
      <Problem error={stats.error} retry={stats.reload} />
      {!stats.data && stats.loading && <Loading />}
      {limits && (
        <div class="stack">
          {limits.rates.length === 0 && <Empty title={words.none}>{words.noneHint}</Empty>}
          {limits.rates.length > 0 && (
            <Table
              label={words.rates}
              rows={limits.rates}
              id={({ name }) => name}
              columns={[
                { name: words.rate, cell: ({ name }) => <code>{name}</code> },
                { name: words.passed, cell: ({ passed }) => number(passed), number: true },
                { name: words.refused, cell: ({ refused }) => number(refused), number: true },
                { name: words.callers, cell: ({ callers }) => number(callers), number: true },
              ]}
            />
          )}
          <Table
            label={words.requests}
            rows={limits.requests}
            id={({ lane }) => lane}
            columns={[
              { name: words.lane, cell: ({ lane }) => strings.overview.lanes[lane] ?? lane },
              { name: words.running, cell: ({ in_flight }) => number(in_flight), number: true },
              { name: words.waiting, cell: ({ waiting }) => number(waiting), number: true },
              { name: words.shed, cell: ({ shed }) => number(shed), number: true },
            ]}
          />
          <div class="card stack">
            <Facts
              facts={[
                [words.open, number(limits.connections.open)],
                [words.turnedAway, number(limits.connections.refused)],
              ]}
            />
            {memory && (
              <Meter
                label={strings.overview.memory}
                value={memory.bytes}
                max={memory.budget_bytes}
                text={`${strings.overview.of(bytes(memory.bytes), bytes(memory.budget_bytes))} · ${count(memory.contexts, strings.contexts)} · ${count(memory.tenants, words.tenants)}`}
              />
            )}
          </div>
        </div>
      )}
    </Section>
  );
}
