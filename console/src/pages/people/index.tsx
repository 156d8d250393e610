/** The people of whom something is known, and each of them. */
import "./people.css";
import { useMemo } from "preact/hooks";
import { api, usePages } from "../../api/index.js";
import { Button, Empty, Loading, Page, Problem, Slices } from "../../components/index.js";
import { ActivityTable } from "../../contexts/activity-table.js";
import { OpenByName } from "../../contexts/open-by-name.js";
import { count } from "../../format.js";
import type { PageProps } from "../../router.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";
import { PersonPage } from "./person.js";
import { people, sighting } from "./seen.js";

const words = strings.people;

export function PeoplePage({ parameters }: PageProps) {
  return parameters.length ? <PersonPage user_id={parameters.join("/")} /> : <List />;
}

/** Contexts that are read at once. */
const PORTION = 1000;

/** The server keeps no list of people: they are taken from the newest contexts. */
function List() {
  const { pages, more, loading, error, next, reload } = usePages(
    (cursor, signal) => api().listContexts({ include_superseded: true, limit: PORTION, cursor }, { signal }),
    (page) => page.contexts.map(sighting),
    [],
  );
  const sightings = pages.flat();
  const found = useMemo(() => people(sightings), [pages]);
  const read = count(sightings.length, strings.contexts);
  return (
    <Page title={words.title}>
      <OpenByName label={strings.context.user} to={(user_id) => href(["people", user_id])} />
      {!pages.length && loading && <Loading />}
      {pages.length > 0 && found.length === 0 && (
        <Empty title={more ? words.nobodySeen(read) : words.nobody}>{words.nobodyHint}</Empty>
      )}
      {found.length > 0 && (
        <>
          <p class="muted" role="status">
            {words.seen(read)} {more && words.seenHint}
          </p>
          <Slices items={found}>
            {(shown) => (
              <ActivityTable
                heading={strings.context.user}
                rows={shown.map(({ user_id, ...activity }) => ({
                  ...activity,
                  name: user_id,
                  to: href(["people", user_id]),
                }))}
              />
            )}
          </Slices>
        </>
      )}
      <Problem error={error} retry={pages.length ? next : reload} />
      {more && (
        <Button busy={loading} onClick={next}>
          {words.lookBack}
        </Button>
      )}
    </Page>
  );
}
