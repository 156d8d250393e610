/** A table of what has contexts: sessions, people. */
import { Time, Value } from "../components/index.js";
import { number } from "../format.js";
import { strings } from "../strings.js";
import { LEVELS } from "./filters.js";

const words = strings.activity;

export interface Activity {
  name: string;
  /** Address of its page. */
  to: string;
  total: number;
  contexts: Partial<Record<(typeof LEVELS)[number], number>>;
  first_activity_at: string;
  last_activity_at: string;
}

/** `heading` says of what the table is. */
export function ActivityTable({ heading, rows }: { heading: string; rows: readonly Activity[] }) {
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            <th scope="col">{heading}</th>
            <th scope="col" class="number">
              {words.contexts}
            </th>
            {LEVELS.map((level) => (
              <th key={level} scope="col" class="number">
                {strings.levels[level]}
              </th>
            ))}
            <th scope="col">{words.first}</th>
            <th scope="col">{words.last}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, to, total, contexts, first_activity_at, last_activity_at }) => (
            <tr key={name}>
              <td data-label={heading}>
                <a href={to}>
                  <Value>{name}</Value>
                </a>
              </td>
              <td data-label={words.contexts} class="number">
                {number(total)}
              </td>
              {LEVELS.map((level) => (
                <td key={level} data-label={strings.levels[level]} class="number">
                  {number(contexts[level] ?? 0)}
                </td>
              ))}
              <td data-label={words.first}>
                <Time at={first_activity_at} />
              </td>
              <td data-label={words.last}>
                <Time at={last_activity_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
