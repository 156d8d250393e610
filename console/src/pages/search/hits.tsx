import { useEffect } from "preact/hooks";
import { type Answer, api, type FoundBody, useResource } from "../../api/index.js";
import { Bar, Check, ContextRow, Degraded, Empty, Icon, Loading, Problem, ScoreBars } from "../../components/index.js";
import { count, milliseconds, number, score } from "../../format.js";
import { isGone } from "../../notices.js";
import { setQuery } from "../../router.js";
import { strings } from "../../strings.js";
import { type Config, LEVELS, searchRequest } from "./config.js";
import { LeftOut } from "./left-out.js";

const words = strings.search;

/** Places of contexts in a list, from 1. */
export type Ranks = ReadonlyMap<string, number>;

interface Props {
  query: string;
  config: Config;
  /** True to show the parts of the scores. */
  parts: boolean;
  /** Places in the list to compare with. */
  others?: Ranks;
  onRanks?: (ranks: Ranks) => void;
}

/** The ranked contexts, and what was left out. */
export function Hits({ query, config, parts, others, onRanks }: Props) {
  const request = searchRequest(query, config);
  const found = useResource((signal) => api().searchContexts(request, { signal }), [JSON.stringify(request)]);
  const answer = found.data;
  useEffect(() => {
    if (answer) onRanks?.(new Map(answer.contexts.map(({ id }, place) => [id, place + 1])));
  }, [answer]);

  if (!answer) return found.error ? <Problem error={found.error} retry={found.reload} /> : <Loading />;
  const shown = answer.contexts.filter(({ id }) => !isGone(id));
  const above = shown.filter((context) => context.score >= answer.floor);
  const below = shown.filter((context) => context.score < answer.floor);
  const row = (context: FoundBody) => (
    <Hit key={context.id} context={context} rank={answer.contexts.indexOf(context) + 1} parts={parts} others={others} />
  );
  return (
    <div class={found.loading ? "stale" : undefined}>
      <Problem error={found.error} retry={found.reload} />
      <Summary answer={answer} parts={parts} />
      <Degraded parts={answer.degraded} />
      {answer.nothing_relevant && !config.session_id && <p class="small muted">{words.withoutSession}</p>}
      {shown.length === 0 && <Empty title={words.nothing}>{words.nothingHint}</Empty>}
      <div class="rows">{above.map(row)}</div>
      {below.length > 0 && (
        <>
          <p class="floor small">
            <Icon name="info" /> {words.floor(score(answer.floor), above.length > 0)}
          </p>
          <div class="rows faded">{below.map(row)}</div>
        </>
      )}
      <LeftOut dropped={answer.dropped ?? []} repeats={answer.near_duplicates} />
    </div>
  );
}

function Summary({ answer, parts }: { answer: Answer<"search_contexts">; parts: boolean }) {
  const searched = LEVELS.map((level) => `${number(answer.searched[level])} ${strings.levels[level].toLowerCase()}`);
  return (
    <div class="line small summary">
      <p class="grow" role="status">
        <span class="strong">{count(answer.contexts.length, strings.contexts)}</span>{" "}
        <span class="muted">
          {[
            count(answer.total_tokens, strings.tokens),
            words.best(score(answer.best_score)),
            milliseconds(answer.took_ms),
            words.candidates(searched.join(", ")),
            answer.cache_hit && words.cached,
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </p>
      <Check label={words.parts} checked={parts} onChange={(checked) => setQuery({ plain: !checked })} />
    </div>
  );
}

interface HitProps {
  context: FoundBody;
  rank: number;
  parts: boolean;
  others?: Ranks;
}

function Hit({ context, rank, parts, others }: HitProps) {
  const before = (
    <div class="hit-score">
      <span class="muted small">{rank}</span>
      <span class="strong" title={strings.scores.score}>
        {score(context.score)}
      </span>
      <Bar value={context.score} />
      {others && <Move now={rank} before={others.get(context.id)} />}
    </div>
  );
  return (
    <ContextRow context={context} before={before}>
      {parts && context.scores && <ScoreBars scores={context.scores} />}
    </ContextRow>
  );
}

/** Change of the place from one configuration to the other. */
function Move({ now, before }: { now: number; before: number | undefined }) {
  if (before === undefined) return <span class="badge good">{words.added}</span>;
  if (before === now) return <span class="muted small">{words.same}</span>;
  return <span class="small">{words.moved(before)}</span>;
}
