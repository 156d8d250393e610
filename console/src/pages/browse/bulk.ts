/** Counting and deleting of everything that filters name. */
import type { Body, Context, QueryOf } from "../../api/index.js";
import { type Counter, countListed } from "../../contexts/count.js";
import { type Filters, requestFilter } from "../../contexts/filters.js";

/** Most ids of one call. */
const BATCH = 1000;

/** Calls of the client that are needed. */
export interface Store extends Counter {
  listContexts(query: QueryOf<"list_contexts">): AsyncIterable<Context>;
  deleteContexts(which: Body<"delete_contexts">): Promise<{ deleted: number }>;
}

/** Number of contexts that go: replaced ones are deleted as well. */
export function countMatches(store: Store, filters: Filters): Promise<number> {
  return countListed(store, { ...filters, include_superseded: true });
}

/** Deletes by one call; where a level is named, which that call cannot say, by the ids of what is listed. */
export async function deleteMatches(
  store: Store,
  filters: Filters,
  onProgress: (deleted: number) => void,
): Promise<number> {
  if (!filters.level) return (await store.deleteContexts({ filter: requestFilter(filters) })).deleted;
  let deleted = 0;
  for await (const ids of batches(store.listContexts({ ...filters, include_superseded: true, limit: BATCH }))) {
    deleted += (await store.deleteContexts({ ids })).deleted;
    onProgress(deleted);
  }
  return deleted;
}

/** Deletes the contexts with these ids. */
export async function deleteSelected(store: Store, ids: readonly string[]): Promise<number> {
  let deleted = 0;
  for (let from = 0; from < ids.length; from += BATCH) {
    deleted += (await store.deleteContexts({ ids: ids.slice(from, from + BATCH) })).deleted;
  }
  return deleted;
}

async function* batches(contexts: AsyncIterable<Context>): AsyncGenerator<string[]> {
  let ids: string[] = [];
  for await (const { id } of contexts) {
    ids.push(id);
    if (ids.length === BATCH) {
      yield ids;
      ids = [];
    }
  }
  if (ids.length) yield ids;
}
