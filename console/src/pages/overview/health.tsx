import type { Health } from "../../api/index.js";
import { Section, Time, Value } from "../../components/index.js";
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
      <div class="table">
        <table>
          <thead>
            <tr>
              {words.healthColumns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {health.components.map((part) => (
              <tr key={part.name}>
                <td data-label={name}>
                  {words.parts[part.name] ?? part.name}
                  {part.essential && <span class="muted small"> {words.essential}</span>}
                </td>
                <td data-label={state}>
                  <StatusBadge status={part.status} />
                </td>
                <td data-label={since}>
                  <Time at={part.since} />
                </td>
                <td data-label={check}>{part.latency_ms == null ? "–" : milliseconds(part.latency_ms)}</td>
                <td data-label={error}>
                  {part.last_error ? <Value>{part.last_error}</Value> : <span class="muted">{strings.app.none}</span>}
                  {part.last_error_at && (
                    <span class="muted">
                      {" "}
                      <Time at={part.last_error_at} />
                    </span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

function StatusBadge({ status }: { status: string }) {
  return <span class={`badge ${KINDS[status] ?? ""}`}>{words.states[status] ?? status}</span>;
}
