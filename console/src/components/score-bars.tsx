import type { Scores } from "../api/index.js";
import { score } from "../format.js";
import { strings } from "../strings.js";

const PARTS = ["similarity", "lexical", "table", "relevance", "recency", "level", "frequency", "importance"] as const;

/** The parts of a score as bars, each with its name and number. */
export function ScoreBars({ scores }: { scores: Scores }) {
  return (
    <dl class="score-bars" aria-label={strings.scores.title}>
      {PARTS.map((part) => (
        <div key={part} title={strings.scores[part].hint}>
          <dt>{strings.scores[part].name}</dt>
          <dd>
            <Bar value={scores[part]} />
            {score(scores[part])}
          </dd>
        </div>
      ))}
      {typeof scores.rerank === "number" && (
        <div title={strings.scores.rerank.hint}>
          <dt>{strings.scores.rerank.name}</dt>
          <dd>{score(scores.rerank)}</dd>
        </div>
      )}
    </dl>
  );
}

/** A share from 0 to 1 as a bar. The number stands beside it, so screen readers pass it over. */
export function Bar({ value }: { value: number }) {
  return (
    <span class="bar" aria-hidden="true">
      <span style={{ width: `${Math.max(0, Math.min(1, value)) * 100}%` }} />
    </span>
  );
}
