/** Number of contexts that filters leave. */
import type { Counted, Filter } from "../api/index.js";
import { type Filters, requestFilter } from "./filters.js";

/** The call of the client that counts. */
export interface Counter {
  countContexts(
    body: { filter: Filter; include_superseded: boolean },
    options?: { signal?: AbortSignal },
  ): Promise<Counted>;
}

/** Number of contexts that a list with these filters has. */
export async function countListed(counter: Counter, filters: Filters, signal?: AbortSignal): Promise<number> {
  const { level, include_superseded = false } = filters;
  const count = await counter.countContexts({ filter: requestFilter(filters), include_superseded }, { signal });
  return level ? count.contexts[level] : count.total;
}
