import type { Health } from "../../api/index.js";
import { Icon, Section } from "../../components/index.js";
import { strings } from "../../strings.js";
import { concernsOf, runbook } from "./concerns.js";
import type { Reading } from "./readings.js";

/** What needs attention, or that nothing does. */
export function Attention({ health, readings }: { health: Health; readings: readonly Reading[] }) {
  const concerns = concernsOf(health, readings);
  if (!concerns.length) {
    return (
      <div class="notice good" role="status">
        <Icon name="check" />
        <p class="strong">{strings.overview.well}</p>
      </div>
    );
  }
  return (
    <Section title={strings.overview.attention}>
      <ul role="status">
        {concerns.map(({ severe, text, alert }) => (
          <li key={alert + text} class={severe ? "notice danger" : "notice warning"}>
            <Icon name="warning" />
            <p class="grow">
              <span class="strong">{severe ? strings.overview.severe : strings.overview.mild}</span> {text}
            </p>
            <a href={runbook(alert)} target="_blank" rel="noreferrer">
              {strings.overview.runbook} <Icon name="external" />
            </a>
          </li>
        ))}
      </ul>
    </Section>
  );
}
