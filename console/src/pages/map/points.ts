/** The points of the map as the server sends them, and their groups by colour. */
import type { ContextMap } from "../../api/index.js";

/** What colours say. */
export type Colouring = "level" | "scope";

export interface Group {
  /** A level, a scope, null for contexts without one, or undefined for all further scopes together. */
  value: string | null | undefined;
  count: number;
}

export interface Grouping {
  groups: Group[];
  /** Position in `groups` of each point. */
  of: Uint8Array;
}

/** Scopes with a colour of their own; the others share one. */
export const MAX_SCOPES = 7;

export const LEVEL_NAMES = ["immediate", "short_term", "long_term"] as const;

/** Groups by level in their order, or by scope, the most frequent first. */
export function group(map: ContextMap, colouring: Colouring): Grouping {
  if (colouring === "level") {
    const groups = LEVEL_NAMES.map((value, i) => ({ value, count: count(map.levels, i) }));
    return { groups, of: Uint8Array.from(map.levels) };
  }
  const sizes = new Map<number, number>();
  for (const scope of map.scope_offsets) sizes.set(scope, (sizes.get(scope) ?? 0) + 1);
  const ranked = [...sizes].sort(([a, most], [b, more]) => more - most || a - b);
  const groups: Group[] = ranked
    .slice(0, MAX_SCOPES)
    .map(([scope, count]) => ({ value: map.scopes[scope] ?? null, count }));
  const rest = ranked.slice(MAX_SCOPES).reduce((sum, [, count]) => sum + count, 0);
  if (rest) groups.push({ value: undefined, count: rest });
  const position = new Map(ranked.map(([scope], i) => [scope, Math.min(i, MAX_SCOPES)]));
  return { groups, of: Uint8Array.from(map.scope_offsets, (scope) => position.get(scope)!) };
}

function count(values: readonly number[], value: number): number {
  return values.reduce((sum, each) => sum + (each === value ? 1 : 0), 0);
}
