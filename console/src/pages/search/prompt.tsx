import { api, useResource } from "../../api/index.js";
import { Copy, Degraded, Empty, LevelBadge, Loading, Meter, Problem, visible } from "../../components/index.js";
import { count, number, score } from "../../format.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";
import { pieces } from "./citations.js";
import { assembleRequest, type Config, tokensOf } from "./config.js";
import { LeftOut } from "./left-out.js";

const words = strings.search;

/** The assembled prompt with its citations marked. */
export function Prompt({ query, config }: { query: string; config: Config }) {
  const request = assembleRequest(query, config);
  const assembled = useResource((signal) => api().assembleContexts(request, { signal }), [JSON.stringify(request)]);
  const answer = assembled.data;
  if (!answer) return assembled.error ? <Problem error={assembled.error} retry={assembled.reload} /> : <Loading />;
  return (
    <div class={assembled.loading ? "stale stack" : "stack"}>
      <Problem error={assembled.error} retry={assembled.reload} />
      <Degraded parts={answer.degraded} />
      <Meter
        label={words.tokens}
        value={answer.tokens}
        max={tokensOf(config)}
        text={words.tokensOf(number(answer.tokens), number(tokensOf(config)))}
      />
      <p class="small muted" role="status">
        {[
          words.cited(count(answer.citations.length, strings.contexts)),
          answer.more > 0 && words.more(count(answer.more, strings.contexts)),
          words.best(score(answer.best_score)),
          words.least(score(answer.floor)),
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {answer.nothing_relevant || !answer.prompt ? (
        <Empty title={words.emptyPrompt}>{words.emptyPromptHint(score(answer.floor))}</Empty>
      ) : (
        <div class="prompt">
          <pre dir="auto">
            {pieces(answer.prompt, answer.citations).map(({ text, number, citation }) =>
              citation ? (
                <mark key={citation.start} class={citation.level}>
                  {visible(text)}
                  <a href={href(["context", citation.id])} aria-label={words.citation(number ?? 0)}>
                    {number}
                  </a>
                </mark>
              ) : (
                visible(text)
              ),
            )}
          </pre>
          <Copy text={answer.prompt} label={words.copyPrompt} />
        </div>
      )}
      {answer.citations.length > 0 && (
        <ol class="citations small">
          {answer.citations.map(({ id, level, score: value }, place) => (
            <li key={id} class="line">
              <span class="strong">{place + 1}</span>
              <LevelBadge level={level} />
              {score(value)}
              <a href={href(["context", id])}>
                <code>{id}</code>
              </a>
            </li>
          ))}
        </ol>
      )}
      <LeftOut dropped={answer.dropped ?? []} repeats={answer.near_duplicates} />
    </div>
  );
}
