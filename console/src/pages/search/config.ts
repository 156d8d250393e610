/** A configuration of a search, as it stands in the address, and the requests that it makes. */
import type { Body, Filter, Level, Order, Origin, SearchMode } from "../../api/index.js";
import type { QueryValues } from "../../router.js";

export const MODES: readonly SearchMode[] = ["hybrid", "dense", "lexical"];
export const LEVELS: readonly Level[] = ["immediate", "short_term", "long_term"];
export const ORIGINS: readonly Origin[] = ["user", "agent", "tool", "import", "system"];
export const FORMATS = ["markdown", "xml", "plain", "json"] as const;
export const ORDERS: readonly Order[] = ["relevance", "chronological"];

/** Values as they were typed; what is not set is empty. */
export interface Config {
  mode: string;
  level: readonly string[];
  user_id: string;
  agent_id: string;
  session_id: string;
  scope_prefix: string;
  tag: string;
  origin: string;
  min_score: string;
  diversity: string;
  limit: string;
  max_tokens: string;
  format: string;
  order: string;
  superseded: string;
  /** Set if nothing outside the session is searched. */
  only_session: string;
}

const DEFAULT_TOKENS = 2000;

export function readConfig(query: URLSearchParams, prefix: string): Config {
  const get = (name: string) => query.get(prefix + name) ?? "";
  return {
    mode: get("mode"),
    level: query.getAll(`${prefix}level`),
    user_id: get("user_id"),
    agent_id: get("agent_id"),
    session_id: get("session_id"),
    scope_prefix: get("scope_prefix"),
    tag: get("tag"),
    origin: get("origin"),
    min_score: get("min_score"),
    diversity: get("diversity"),
    limit: get("limit"),
    max_tokens: get("max_tokens"),
    format: get("format"),
    order: get("order"),
    superseded: get("superseded"),
    only_session: get("only_session"),
  };
}

/** Values for the address. */
export function queryValues(config: Partial<Config>, prefix: string): QueryValues {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [prefix + name, value]));
}

/** Names of what is set. */
export function setNames(config: Config): (keyof Config)[] {
  return (Object.keys(config) as (keyof Config)[]).filter((name) => config[name].length > 0);
}

export function tokensOf(config: Config): number {
  return Number(config.max_tokens) || DEFAULT_TOKENS;
}

export function searchRequest(query: string, config: Config): Body<"search_contexts"> {
  return {
    query,
    explain: true,
    mode: (config.mode || "hybrid") as SearchMode,
    diversity: Number(config.diversity),
    ...(config.limit && { limit: Number(config.limit) }),
    ...(config.max_tokens && { max_tokens: Number(config.max_tokens) }),
    ...(config.min_score && { min_score: Number(config.min_score) }),
    ...(config.level.length && { levels: config.level as Level[] }),
    ...(config.session_id && { session_id: config.session_id }),
    ...(config.superseded && { include_superseded: true }),
    filter: filterOf(config),
  };
}

export function assembleRequest(query: string, config: Config): Body<"assemble_contexts"> {
  return {
    ...searchRequest(query, config),
    max_tokens: tokensOf(config),
    format: (config.format || "markdown") as (typeof FORMATS)[number],
    order: (config.order || "relevance") as Order,
  };
}

function filterOf({ user_id, agent_id, session_id, only_session, scope_prefix, tag, origin }: Config): Filter {
  return {
    ...(user_id && { user_id }),
    ...(agent_id && { agent_id }),
    ...(session_id && only_session && { session_id }),
    ...(scope_prefix && { scope_prefix }),
    ...(tag && { tags_any: [tag] }),
    ...(origin && { origin: origin as Origin }),
  };
}
