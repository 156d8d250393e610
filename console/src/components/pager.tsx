import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Paging } from "../api/index.js";
import { strings } from "../strings.js";
import { Button } from "./button.js";
import { Loading, Problem } from "./states.js";

interface Props<Item> {
  paging: Paging<Item>;
  /** Draws the items of one page. */
  children: (items: Item[]) => ComponentChildren;
  /** Shown when the list has none. */
  empty: ComponentChildren;
}

/** A list that shows one page at a time: the document stays small however long the list is. */
export function PagedList<Item>({ paging, children, empty }: Props<Item>) {
  const { pages, more, loading, error, next, reload } = paging;
  const [wanted, setWanted] = useState(0);
  useEffect(() => {
    if (!pages.length) setWanted(0);
  }, [pages.length]);
  const shown = Math.min(wanted, Math.max(0, pages.length - 1));
  const page = pages[shown];
  const last = shown >= pages.length - 1;

  const forward = () => {
    if (last) next();
    setWanted(shown + 1);
  };
  if (!page) return error ? <Problem error={error} retry={reload} /> : <Loading />;
  return (
    <>
      {page.length || shown > 0 ? children(page) : empty}
      {error !== undefined && <Problem error={error} retry={next} />}
      {(more || pages.length > 1) && (
        <nav class="pager" aria-label={strings.app.paging}>
          <Button disabled={shown === 0} onClick={() => setWanted(shown - 1)}>
            {strings.app.previous}
          </Button>
          <span class="muted small" aria-live="polite">
            {strings.app.page(shown + 1)}
          </span>
          <Button disabled={last && !more} busy={last && loading} onClick={forward}>
            {strings.app.next}
          </Button>
        </nav>
      )}
    </>
  );
}
