import type { Health } from "../../api/index.js";
import { Docs, Icon, Section } from "../../components/index.js";
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
            <Docs page={runbook(alert)}>{strings.overview.runbook}</Docs>
          </li>
        ))}
      </ul>
    </Section>
  );
}
