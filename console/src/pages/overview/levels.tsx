import type { Level, Stats } from "../../api/index.js";
import { Docs, Empty, Figure, Section } from "../../components/index.js";
import { compact, count, number, percent } from "../../format.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";

export const LEVELS: readonly Level[] = ["immediate", "short_term", "long_term"];

/** The contexts by level. */
export function Levels({ stats }: { stats: Stats }) {
  const { total, contexts, pending_embeddings: pending, reindexed } = stats;
  if (total === 0) {
    return (
      <Section title={strings.overview.contexts}>
        <Empty title={strings.overview.empty}>
          <p>
            <a href={href(["browse"])}>{strings.overview.emptyAdd}</a> ·{" "}
            <Docs page="tutorial/first-memory.md">{strings.overview.emptyLearn}</Docs>
          </p>
        </Empty>
      </Section>
    );
  }
  return (
    <Section title={strings.overview.contexts} actions={<a href={href(["browse"])}>{strings.overview.browse}</a>}>
      <div class="figures">
        <Figure name={strings.overview.total} note={strings.overview.totalNote}>
          <span title={number(total)}>{compact(total)}</span>
        </Figure>
        {LEVELS.map((level) => (
          <Figure key={level} name={strings.levels[level]} note={strings.overview.levelNotes[level]}>
            <a class={`level-number ${level}`} href={href(["browse"], { level })} title={number(contexts[level])}>
              {compact(contexts[level])}
            </a>
          </Figure>
        ))}
        <Figure
          name={strings.overview.pending}
          note={reindexed === null ? strings.overview.pendingNote : strings.overview.reindexed(percent(reindexed))}
        >
          <span title={count(pending, strings.contexts)}>{compact(pending)}</span>
        </Figure>
      </div>
      <div class="levels-bar" aria-hidden="true">
        {LEVELS.map((level) => (
          <span key={level} class={level} style={{ flexGrow: contexts[level] }} />
        ))}
      </div>
    </Section>
  );
}
