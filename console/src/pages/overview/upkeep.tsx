import type { Limits, Memory, Stats } from "../../api/index.js";
import { Facts, Meter, Section, Value } from "../../components/index.js";
import { bytes, count, milliseconds, number } from "../../format.js";
import { strings } from "../../strings.js";
import { collectionsOf } from "./concerns.js";
import { total } from "./prometheus.js";
import type { Reading } from "./readings.js";

const words = strings.overview;

/** The store, the collections, and the use of memory and limits, as far as the caller may see them. */
export function Upkeep({ stats, reading }: { stats: Stats; reading: Reading | undefined }) {
  return (
    <div class="upkeep">
      <Section title={words.store}>
        <div class="card stack">
          <Facts
            facts={[
              [words.model, <Value key="model">{stats.model.name}</Value>],
              [words.dimensions, number(stats.model.dimensions)],
              [words.size, stats.store_bytes === null ? null : bytes(stats.store_bytes)],
            ]}
          />
          {reading && <Disk reading={reading} />}
          {stats.memory && <MemoryUse memory={stats.memory} />}
        </div>
      </Section>
      {reading && <Collections reading={reading} />}
      {stats.limits && <LimitUse limits={stats.limits} />}
    </div>
  );
}

function Disk({ reading }: { reading: Reading }) {
  const free = total(reading.scrape, "context_manager_disk_free_bytes");
  const size = total(reading.scrape, "context_manager_disk_size_bytes");
  if (!size) return null;
  return (
    <Meter label={words.disk} value={size - free} max={size} text={words.freeOf(bytes(free), bytes(size))} alarming />
  );
}

function MemoryUse({ memory }: { memory: Memory }) {
  return (
    <Meter
      label={words.memory}
      value={memory.bytes}
      max={memory.budget_bytes}
      text={`${words.of(bytes(memory.bytes), bytes(memory.budget_bytes))} · ${count(memory.contexts, strings.contexts)}`}
    />
  );
}

function Collections({ reading }: { reading: Reading }) {
  const { runs, deleted, promoted, backlog, seconds } = collectionsOf(reading);
  return (
    <Section title={words.collections}>
      <div class="card stack">
        <Facts
          facts={[
            [words.runs, number(runs)],
            [words.deleted, number(deleted)],
            [words.promoted, number(promoted)],
            [words.backlog, number(backlog)],
            [words.perRun, runs ? milliseconds(seconds * 1000) : null],
          ]}
        />
      </div>
    </Section>
  );
}

function LimitUse({ limits: { connections, rates, requests } }: { limits: Limits }) {
  return (
    <Section title={words.limits}>
      <div class="card stack">
        <Facts
          facts={[
            ...requests.map(
              ({ lane, in_flight, waiting, shed }) =>
                [words.lanes[lane] ?? lane, words.lane(number(in_flight), number(waiting), number(shed))] as const,
            ),
            [words.connections, words.connectionUse(number(connections.open), number(connections.refused))],
            ...rates.map(({ name, passed, refused }) => [name, words.rate(number(passed), number(refused))] as const),
          ]}
        />
        {!rates.length && <p class="muted small">{words.noRates}</p>}
      </div>
    </Section>
  );
}
