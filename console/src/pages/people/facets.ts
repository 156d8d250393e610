/** What occurs most in contexts. */
import type { Context } from "../../api/index.js";

export interface Facet {
  value: string;
  count: number;
}

/** The most frequent values, at most `limit`; equally frequent ones by name. */
export function facets(
  contexts: readonly Context[],
  values: (context: Context) => readonly (string | null)[],
  limit: number,
): Facet[] {
  const counts = new Map<string, number>();
  for (const value of contexts.flatMap(values)) if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || a.value.localeCompare(b.value))
    .slice(0, limit);
}
