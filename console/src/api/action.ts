import { useCallback, useState } from "preact/hooks";

export interface Action {
  busy: boolean;
  /** Reason for the last failure. */
  error: unknown;
  /** Does it, and tells with `true` that it was done. */
  run: (act: () => Promise<unknown>) => Promise<boolean>;
}

/** State of something that a button does. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const run = useCallback(async (act: () => Promise<unknown>) => {
    setBusy(true);
    setError(undefined);
    try {
      await act();
      return true;
    } catch (error) {
      setError(error);
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  return { busy, error, run };
}
