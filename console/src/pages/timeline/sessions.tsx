import { api, usePages } from "../../api/index.js";
import { Empty, PagedList } from "../../components/index.js";
import { ActivityTable } from "../../contexts/activity-table.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";

/** All sessions, by id. */
export function Sessions() {
  const sessions = usePages(
    (cursor, signal) => api().listSessions({ limit: 50, cursor }, { signal }),
    (page) => page.sessions,
    [],
  );
  return (
    <PagedList paging={sessions} empty={<Empty title={strings.timeline.noSessions} />}>
      {(page) => (
        <ActivityTable
          heading={strings.context.session}
          rows={page.map(({ session_id, ...activity }) => ({
            ...activity,
            name: session_id,
            to: href(["timeline", "session", session_id]),
          }))}
        />
      )}
    </PagedList>
  );
}
