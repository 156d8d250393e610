import type { ComponentHealth, Health } from "../../api/index.js";
import { Section, Table, Time, Value } from "../../components/index.js";
import { duration, milliseconds } from "../../format.js";
import { strings } from "../../strings.js";

const words = strings.overview;
const KINDS: Record<string, string> = { healthy: "good", degraded: "warning", unhealthy: "danger" };

/** Version, time since the start, and state of the server. */
export function Since({ health }: { health: Health }) {
  return (
    <p class="line small muted">
      <StatusBadge status={health.status} />
      {words.version} <Value>{health.version}</Value>
      <span>{words.up(duration(health.uptime_secs))}</span>
    </p>
  );
}

/** The components with their states. */
export function HealthParts({ health }: { health: Health }) {
  const [name, state, since, check, error] = words.healthColumns;
  return (
    <Section title={words.health}>
      <Table
        label={words.health}
        rows={health.components}
        id={({ name }) => name}
        columns={[
          {
            name,
            cell: (part) => (
              <>
                {words.parts[part.name] ?? part.name}
                {part.essential && <span class="muted small"> {words.essential}</span>}
              </>
            ),
          },
          { name: state, cell: ({ status }) => <StatusBadge status={status} /> },
          { name: since, cell: (part) => <Time at={part.since} /> },
          { name: check, cell: ({ latency_ms }) => (latency_ms == null ? "–" : milliseconds(latency_ms)) },
          { name: error, cell: (part) => <LastError part={part} /> },
        ]}
      />
    </Section>
  );
}

function LastError({ part: { last_error, last_error_at } }: { part: ComponentHealth }) {
  if (!last_error) return <span class="muted">{strings.app.none}</span>;
  return (
    <>
      <Value>{last_error}</Value>{" "}
      {last_error_at && (
        <span class="muted">
          <Time at={last_error_at} />
        </span>
      )}
    </>
  );
}

function StatusBadge({ status }: { status: string }) {
  return <span class={`badge ${KINDS[status] ?? ""}`}>{words.states[status] ?? status}</span>;
}
