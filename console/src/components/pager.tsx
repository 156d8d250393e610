import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
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
      <Leaf page={shown}>{page.length || shown > 0 ? children(page) : empty}</Leaf>
      {error !== undefined && <Problem error={error} retry={next} />}
      {(more || pages.length > 1) && (
        <Turns
          page={shown}
          last={last && !more}
          busy={last && loading}
          onTurn={(page) => (page > shown ? forward() : setWanted(page))}
        />
      )}
    </>
  );
}

interface SlicesProps<Item> {
  items: readonly Item[];
  size?: number;
  /** Shown where there are none. */
  empty?: ComponentChildren;
  /** Draws the items of one page. */
  children: (items: readonly Item[]) => ComponentChildren;
}

/** One page at a time of a list that is here as a whole. */
export function Slices<Item>({ items, size = 50, empty, children }: SlicesProps<Item>) {
  const [wanted, setWanted] = useState(0);
  const count = Math.ceil(items.length / size);
  const page = Math.min(wanted, Math.max(0, count - 1));
  if (!count) return <>{empty}</>;
  return (
    <>
      <Leaf page={page}>{children(items.slice(page * size, (page + 1) * size))}</Leaf>
      {count > 1 && <Turns page={page} last={page === count - 1} onTurn={setWanted} />}
    </>
  );
}

/** One page of a list. When it is turned, its beginning is brought into view. */
function Leaf({ page, children }: { page: number; children: ComponentChildren }) {
  const element = useRef<HTMLDivElement>(null);
  const seen = useRef(page);
  useEffect(() => {
    if (seen.current === page) return;
    seen.current = page;
    if ((element.current?.getBoundingClientRect().top ?? 0) < 0) element.current?.scrollIntoView();
  }, [page]);
  return (
    <div class="leaf" ref={element}>
      {children}
    </div>
  );
}

interface TurnsProps {
  /** Number of the page, from 0. */
  page: number;
  last: boolean;
  busy?: boolean;
  onTurn: (page: number) => void;
}

function Turns({ page, last, busy, onTurn }: TurnsProps) {
  return (
    <nav class="pager" aria-label={strings.app.paging}>
      <Button disabled={page === 0} onClick={() => onTurn(page - 1)}>
        {strings.app.previous}
      </Button>
      <span class="muted small" aria-live="polite">
        {strings.app.page(page + 1)}
      </span>
      <Button disabled={last} busy={busy} onClick={() => onTurn(page + 1)}>
        {strings.app.next}
      </Button>
    </nav>
  );
}
