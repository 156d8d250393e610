/** Work that a button starts. */
import { useState } from "preact/hooks";

export interface Action {
  busy: boolean;
  /** Reason for the last failure. */
  error: unknown;
  /** Does the work, and says whether it succeeded. */
  run: (work: () => Promise<unknown>) => Promise<boolean>;
}

export function useAction(): Action {
  const [state, setState] = useState<{ busy: boolean; error?: unknown }>({ busy: false });
  const run = async (work: () => Promise<unknown>) => {
    setState({ busy: true });
    try {
      await work();
      setState({ busy: false });
      return true;
    } catch (error) {
      setState({ busy: false, error });
      return false;
    }
  };
  return { busy: state.busy, error: state.error, run };
}
