/** Reading of lists page by page. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Page, Pages } from "../../../clients/typescript/src/pages.js";
import { api } from "./session.js";

export interface Paging<Item> {
  /** Pages that were read. */
  pages: Item[][];
  /** True if the server has more. */
  more: boolean;
  loading: boolean;
  error: unknown;
  /** Reads the next page. */
  next: () => void;
  /** Begins again. */
  reload: () => void;
}

interface State<Item> {
  pages: Item[][];
  cursor: string | null;
  loading: boolean;
  error?: unknown;
}

/**
 * Reads the first page of a list, and another one at each call of `next`; begins again when one of `inputs` changes.
 * `open` calls the list from a cursor on; `items` takes the items out of a page.
 */
export function usePages<Item, P extends Page>(
  open: (cursor: string | undefined, signal: AbortSignal) => Pages<Item, P>,
  items: (page: P) => Item[],
  inputs: readonly unknown[],
): Paging<Item> {
  const [state, setState] = useState<State<Item>>({ pages: [], cursor: null, loading: true });
  const [round, setRound] = useState(0);
  const read = useRef<(cursor: string | null) => void>(() => {});
  const client = api();

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    read.current = async (cursor) => {
      setState((state) => ({ ...state, loading: true, error: undefined }));
      try {
        const { value: page } = await open(cursor ?? undefined, signal)
          .pages()
          .next();
        if (signal.aborted) return;
        setState(({ pages }) => ({ pages: [...pages, items(page)], cursor: page.next_cursor, loading: false }));
      } catch (error) {
        if (!signal.aborted) setState((state) => ({ ...state, loading: false, error }));
      }
    };
    setState({ pages: [], cursor: null, loading: true });
    read.current(null);
    return () => controller.abort();
  }, [client, round, ...inputs]);

  const { pages, cursor, loading, error } = state;
  const next = () => {
    if (!loading) read.current(cursor);
  };
  const reload = useCallback(() => setRound((round) => round + 1), []);
  return { pages, more: cursor !== null, loading, error, next, reload };
}
