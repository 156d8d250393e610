import { api, usePages } from "../../api/index.js";
import { Empty, PagedList, Value } from "../../components/index.js";
import { number } from "../../format.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";

const words = strings.timeline;

interface Props {
  /** Scope below which the scopes are; without one, all. */
  below?: string;
}

/** Scopes by path, with the number of contexts in each and below it. */
export function Scopes({ below }: Props) {
  const scopes = usePages(
    (cursor, signal) => api().listScopes({ prefix: below, limit: 100, cursor }, { signal }),
    (page) => page.scopes.filter(({ scope }) => scope !== below),
    [below],
  );
  const top = below ? below.split("/").length + 1 : 1;
  return (
    <PagedList paging={scopes} empty={below ? null : <Empty title={words.noScopes} />}>
      {(page) => (
        <ul class="scopes">
          {page.map(({ scope, contexts }) => (
            <li key={scope} style={{ "--depth": scope.split("/").length - top }}>
              <a href={href(["timeline", "scope", scope])}>
                <Value>{scope}</Value>
              </a>
              <span class="muted small">{number(contexts)}</span>
            </li>
          ))}
        </ul>
      )}
    </PagedList>
  );
}
