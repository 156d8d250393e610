/** Filters of lists and of the map: as an address has them, and as requests take them. */
import type { Filter, Level } from "../api/index.js";

/** Conditions of the calls that list contexts. */
export interface Filters {
  level?: Level;
  user_id?: string;
  agent_id?: string;
  session_id?: string;
  scope_prefix?: string;
  tag?: string;
  include_superseded?: boolean;
}

/** Filters of which a text is typed, in the order of the form. */
export const TEXT_FILTERS = ["user_id", "agent_id", "session_id", "scope_prefix", "tag"] as const;

export const LEVELS: readonly Level[] = ["immediate", "short_term", "long_term"];

/** The filters of an address; values that no call would take are left out. */
export function readFilters(query: URLSearchParams): Filters {
  const filters: Filters = {};
  const level = LEVELS.find((level) => level === query.get("level"));
  if (level) filters.level = level;
  for (const name of TEXT_FILTERS) {
    const value = query.get(name)?.trim();
    if (value) filters[name] = value;
  }
  if (query.get("include_superseded") === "true") filters.include_superseded = true;
  return filters;
}

/** True if a condition narrows the list. */
export function narrows(filters: Filters): boolean {
  return filters.level !== undefined || TEXT_FILTERS.some((name) => filters[name]);
}

/** The conditions that counting and deleting know; they have none for the level. */
export function requestFilter({ user_id, agent_id, session_id, scope_prefix, tag }: Filters): Filter {
  const conditions = { user_id, agent_id, session_id, scope_prefix, tags_any: tag ? [tag] : undefined };
  return Object.fromEntries(Object.entries(conditions).filter(([, value]) => value !== undefined));
}
