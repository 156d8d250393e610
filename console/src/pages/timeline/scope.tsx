/** A scope: its contexts and those below it by day, newest first. */
import "./timeline.css";
import { api, usePages } from "../../api/index.js";
import { ButtonLink, ContextRow, Empty, Page, PagedList, Value } from "../../components/index.js";
import { count, day } from "../../format.js";
import { isGone } from "../../notices.js";
import type { PageProps } from "../../router.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";
import { byDay } from "./days.js";
import { Scopes } from "./scopes.js";

const words = strings.timeline;

export function ScopePage({ parameters }: PageProps) {
  const scope_prefix = parameters.join("/");
  const contexts = usePages(
    (cursor, signal) => api().listContexts({ scope_prefix, limit: 50, cursor }, { signal }),
    (page) => page.contexts,
    [scope_prefix],
  );
  return (
    <Page
      title={words.scope}
      actions={
        <ButtonLink to={href(["browse"], { scope_prefix })} icon="browse">
          {words.browse}
        </ButtonLink>
      }
    >
      <Path scope={scope_prefix} />
      <Scopes below={scope_prefix} />
      <p class="muted small">{words.byStored}</p>
      <PagedList paging={contexts} empty={<Empty title={words.emptyScope} />}>
        {(page) =>
          byDay(page.filter(({ id }) => !isGone(id))).map(({ date, items }) => (
            <section key={date} class="day">
              <h2>
                {day(items[0]!.created_at)}{" "}
                <span class="muted small">
                  {count(
                    items.reduce((sum, { token_count }) => sum + token_count, 0),
                    strings.tokens,
                  )}
                </span>
              </h2>
              <ul class="rows">
                {items.map((context) => (
                  <li key={context.id}>
                    <ContextRow context={context} />
                  </li>
                ))}
              </ul>
            </section>
          ))
        }
      </PagedList>
    </Page>
  );
}

/** The path of a scope; each part leads to it. */
function Path({ scope }: { scope: string }) {
  const parts = scope.split("/");
  return (
    <nav class="path" aria-label={words.path}>
      <ol>
        {parts.map((part, place) => (
          <li key={parts.slice(0, place + 1).join("/")}>
            {place < parts.length - 1 ? (
              <a href={href(["timeline", "scope", parts.slice(0, place + 1).join("/")])}>
                <Value>{part}</Value>
              </a>
            ) : (
              <span aria-current="page">
                <Value>{part}</Value>
              </span>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
