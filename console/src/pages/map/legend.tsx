/** The colours of the map; each is a button that shows its contexts alone. */
import { Value } from "../../components/index.js";
import { number } from "../../format.js";
import { strings } from "../../strings.js";
import type { Colouring, Group } from "./points.js";

const words = strings.map;

interface Props {
  groups: readonly Group[];
  colouring: Colouring;
  only: number | undefined;
  onChange: (only: number | undefined) => void;
}

export function Legend({ groups, colouring, only, onChange }: Props) {
  return (
    <fieldset class="legend">
      <legend class="unseen">{words.legend}</legend>
      {groups.map(({ value, count }, place) => (
        <button
          key={value ?? place}
          type="button"
          class="button"
          aria-pressed={only === place}
          onClick={() => onChange(only === place ? undefined : place)}
        >
          <svg class={`swatch series-${place + 1}`} viewBox="-6 -6 12 12" aria-hidden="true">
            {colouring === "level" && place === 0 && <path d="M0-5 5 4H-5z" />}
            {colouring === "level" && place === 1 && <path d="M-4-4h8v8h-8z" />}
            {(colouring === "scope" || place === 2) && <circle r="4.5" />}
          </svg>
          <Value>{name(colouring, value)}</Value>
          <span class="muted">{number(count)}</span>
        </button>
      ))}
    </fieldset>
  );
}

function name(colouring: Colouring, value: Group["value"]): string {
  if (value === undefined) return words.otherScopes;
  if (value === null) return words.noScope;
  return colouring === "level" ? strings.levels[value as keyof typeof strings.levels] : value;
}
