/** A session: its messages in order, and its other contexts at their times. */
import "./timeline.css";
import { useRef, useState } from "preact/hooks";
import { api, type Context, type Paging, usePages, useResource } from "../../api/index.js";
import { Button, ButtonLink, Empty, Loading, Page, Problem } from "../../components/index.js";
import { LEVELS } from "../../contexts/filters.js";
import { count, day, number } from "../../format.js";
import { isGone } from "../../notices.js";
import type { PageProps } from "../../router.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";
import { byDay } from "./days.js";
import { Entry } from "./entry.js";

const words = strings.timeline;

/** Contexts that are read at once; the page shows two portions at most. */
const PORTION = 80;

export function SessionPage({ parameters }: PageProps) {
  const session_id = parameters.join("/");
  const contexts = usePages(
    (cursor, signal) =>
      api().listContexts({ session_id, include_superseded: true, limit: PORTION, cursor }, { signal }),
    (page) => page.contexts,
    [session_id],
  );
  const counts = useResource(
    (signal) => api().countContexts({ filter: { session_id }, include_superseded: true }, { signal }),
    [session_id],
  );
  return (
    <Page
      title={words.session}
      subject={session_id}
      actions={
        <ButtonLink to={href(["browse"], { session_id })} icon="browse">
          {words.browse}
        </ButtonLink>
      }
    >
      {counts.data && (
        <p class="muted count">
          {count(counts.data.total, strings.contexts)}
          {LEVELS.map((level) => ` · ${strings.levels[level]} ${number(counts.data?.contexts[level] ?? 0)}`)}
        </p>
      )}
      <Conversation contexts={contexts} />
    </Page>
  );
}

/** The newest portion, or an older one with the one that follows it, in the order in which they happened. */
function Conversation({ contexts: { pages, more, loading, error, next, reload } }: { contexts: Paging<Context> }) {
  const [wanted, setWanted] = useState(0);
  const end = useRef<HTMLDivElement>(null);
  const oldest = Math.min(wanted, pages.length - 1);
  if (oldest < 0) return error === undefined ? <Loading /> : <Problem error={error} retry={reload} />;

  const portions = pages.slice(Math.max(0, oldest - 1), oldest + 1);
  const shown = portions
    .flat()
    .filter(({ id }) => !isGone(id))
    .reverse();
  if (!shown.length && !more) return <Empty title={words.emptySession} />;
  const older = () => {
    if (oldest === pages.length - 1) next();
    setWanted(oldest + 1);
  };
  const toEnd = () => {
    setWanted(0);
    requestAnimationFrame(() => end.current?.scrollIntoView({ block: "end" }));
  };
  const tokens = shown.reduce((sum, { token_count }) => sum + token_count, 0);
  return (
    <>
      <div class="actions timeline-bar">
        {(more || oldest < pages.length - 1) && (
          <Button busy={loading} onClick={older}>
            {words.older}
          </Button>
        )}
        <Button kind="plain" onClick={toEnd}>
          {words.toEnd}
        </Button>
        <span class="muted small" role="status">
          {words.shown(count(shown.length, strings.contexts), count(tokens, strings.tokens))}
        </span>
      </div>
      <Problem error={error} retry={next} />
      {byDay(shown).map(({ date, items }) => (
        <section key={date} class="day">
          <h2>{day(items[0]!.created_at)}</h2>
          <ol>
            {items.map((context) => (
              <li key={context.id}>
                <Entry context={context} />
              </li>
            ))}
          </ol>
        </section>
      ))}
      <div ref={end}>{oldest > 1 && <Button onClick={() => setWanted(oldest - 1)}>{words.newer}</Button>}</div>
    </>
  );
}
