/** The people of whom something is known, and each of them. */
import "./people.css";
import { api, usePages } from "../../api/index.js";
import { Empty, Page, PagedList } from "../../components/index.js";
import { ActivityTable } from "../../contexts/activity-table.js";
import { href } from "../../router.js";
import type { PageProps } from "../../routes.js";
import { strings } from "../../strings.js";
import { PersonPage } from "./person.js";

const words = strings.people;

export function PeoplePage({ parameters }: PageProps) {
  return parameters.length ? <PersonPage user_id={parameters.join("/")} /> : <List />;
}

function List() {
  const users = usePages(
    (cursor, signal) => api().listUsers({ limit: 50, cursor }, { signal }),
    (page) => page.users,
    [],
  );
  return (
    <Page title={words.title}>
      <PagedList paging={users} empty={<Empty title={words.nobody}>{words.nobodyHint}</Empty>}>
        {(page) => (
          <ActivityTable
            heading={strings.context.user}
            rows={page.map(({ user_id, ...activity }) => ({
              ...activity,
              name: user_id,
              to: href(["people", user_id]),
            }))}
          />
        )}
      </PagedList>
    </Page>
  );
}
