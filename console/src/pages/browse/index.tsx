/** All contexts by filters, to look through, select and delete. */
import "./browse.css";
import { useState } from "preact/hooks";
import { api, can, usePages, useResource } from "../../api/index.js";
import { Button, Empty, Page, PagedList, Problem } from "../../components/index.js";
import { countListed } from "../../contexts/count.js";
import { FilterForm } from "../../contexts/filter-form.js";
import { narrows, readFilters } from "../../contexts/filters.js";
import { count } from "../../format.js";
import { isGone } from "../../notices.js";
import { query, setQuery } from "../../router.js";
import { strings } from "../../strings.js";
import { AddContext } from "./add.js";
import { DeleteMatches } from "./delete-matches.js";
import { Rows, Selectable } from "./selection.js";

const words = strings.browse;

const PAGE_SIZE = 50;

export function BrowsePage() {
  const filters = readFilters(query.value);
  const written = JSON.stringify(filters);
  const [dialog, setDialog] = useState<"add" | "delete">();
  const contexts = usePages(
    (cursor, signal) => api().listContexts({ ...filters, limit: PAGE_SIZE, cursor }, { signal }),
    (page) => page.contexts,
    [written],
  );
  const matches = useResource((signal) => countListed(api(), filters, signal), [written, contexts.pages.length === 0]);
  const close = () => setDialog(undefined);

  return (
    <Page
      title={words.title}
      actions={
        can("write") && (
          <>
            <Button icon="plus" onClick={() => setDialog("add")}>
              {words.add.open}
            </Button>
            {narrows(filters) && (
              <Button icon="trash" kind="danger" onClick={() => setDialog("delete")}>
                {words.bulk.open}
              </Button>
            )}
          </>
        )
      }
    >
      <FilterForm filters={filters} superseded onChange={(change) => setQuery({ ...change })} />
      <p class="muted count" role="status">
        {matches.data !== undefined && count(matches.data, strings.contexts)}
      </p>
      {matches.error !== undefined && contexts.error === undefined && <Problem error={matches.error} />}
      <Selectable key={written} onDeleted={matches.reload}>
        {(selection) => (
          <PagedList paging={contexts} empty={<Empty title={narrows(filters) ? words.noMatch : words.nothing} />}>
            {(page) => <Rows contexts={page.filter(({ id }) => !isGone(id))} selection={selection} />}
          </PagedList>
        )}
      </Selectable>
      {dialog === "add" && <AddContext filters={filters} onClose={close} />}
      {dialog === "delete" && <DeleteMatches filters={filters} onDeleted={contexts.reload} onClose={close} />}
    </Page>
  );
}
