/** Loading of what a page shows. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api } from "./session.js";

export interface Resource<T> {
  /** What was loaded last; it stays while it is loaded again. */
  data: T | undefined;
  /** Reason for the last failure. */
  error: unknown;
  loading: boolean;
  reload: () => void;
  /** Replaces what was loaded, such as by the answer to a change. */
  set: (data: T) => void;
}

/**
 * Loads when the component appears, when one of `inputs` changes, and after a new sign-in. What was asked before is
 * cancelled. `load` may be undefined: nothing is loaded then.
 */
export function useResource<T>(
  load: ((signal: AbortSignal) => Promise<T>) | undefined,
  inputs: readonly unknown[],
): Resource<T> {
  const [state, setState] = useState<{ data?: T; error?: unknown; loading: boolean }>({ loading: load !== undefined });
  const [round, setRound] = useState(0);
  const client = api();

  useEffect(() => {
    if (!load) return setState({ loading: false });
    const controller = new AbortController();
    setState(({ data, error }) => ({ data, error, loading: true }));
    load(controller.signal).then(
      (data) => controller.signal.aborted || setState({ data, loading: false }),
      (error: unknown) => controller.signal.aborted || setState(({ data }) => ({ data, error, loading: false })),
    );
    return () => controller.abort();
  }, [client, round, load !== undefined, ...inputs]);

  const reload = useCallback(() => setRound((round) => round + 1), []);
  const set = useCallback((data: T) => setState({ data, loading: false }), []);
  return { data: state.data, error: state.error, loading: state.loading, reload, set };
}

/** As `useResource`, and again every `ms` milliseconds while the page is visible. */
export function usePolled<T>(
  load: ((signal: AbortSignal) => Promise<T>) | undefined,
  ms: number,
  inputs: readonly unknown[] = [],
): Resource<T> {
  const resource = useResource(load, inputs);
  const busy = useRef(false);
  busy.current = resource.loading;
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden && !busy.current) resource.reload();
    }, ms);
    return () => clearInterval(timer);
  }, [ms, resource.reload]);
  return resource;
}
