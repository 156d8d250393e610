import { api, usePages } from "../../api/index.js";
import { Empty, PagedList, Time, Value } from "../../components/index.js";
import { LEVELS } from "../../contexts/filters.js";
import { number } from "../../format.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";

const words = strings.timeline;

/** All sessions, by id. */
export function Sessions() {
  const sessions = usePages(
    (cursor, signal) => api().listSessions({ limit: 50, cursor }, { signal }),
    (page) => page.sessions,
    [],
  );
  return (
    <PagedList paging={sessions} empty={<Empty title={words.noSessions} />}>
      {(page) => (
        <div class="table">
          <table>
            <thead>
              <tr>
                <th scope="col">{strings.context.session}</th>
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
              {page.map(({ session_id, total, contexts, first_activity_at, last_activity_at }) => (
                <tr key={session_id}>
                  <td data-label={strings.context.session}>
                    <a href={href(["timeline", "session", session_id])}>
                      <Value>{session_id}</Value>
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
      )}
    </PagedList>
  );
}
