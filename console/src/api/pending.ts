/** Calls that the generated client does not have yet. */

import type { Filter } from "../../../clients/typescript/src/index.js";
import {
  ApiError,
  type CallOptions,
  type ClientOptions,
  Client as Generated,
  Pages,
} from "../../../clients/typescript/src/index.js";
import type {
  Audit,
  Caller,
  ContextCount,
  CreatedKey,
  Key,
  MapColumns,
  MapQuery,
  NewKey,
  UserPage,
  UserSummary,
} from "./pending-types.js";

export class Client extends Generated {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    super(options);
    this.#options = options;
  }

  getCaller(options?: CallOptions): Promise<Caller> {
    return this.#send("GET", "whoami", undefined, options);
  }

  countContexts(
    body: { filter?: Filter; include_superseded?: boolean } = {},
    options?: CallOptions,
  ): Promise<ContextCount> {
    return this.#send("POST", "contexts/count", body, options);
  }

  listUsers(query: { limit?: number } = {}, options?: CallOptions): Pages<UserSummary, UserPage> {
    const fetch = (cursor?: string) =>
      this.#send<UserPage>("GET", `users?${new URLSearchParams(clean({ ...query, cursor }))}`, undefined, options);
    return new Pages(fetch, (page) => page.users);
  }

  getMap(query: MapQuery = {}, options?: CallOptions): Promise<MapColumns> {
    return this.#send("GET", `map?${new URLSearchParams(clean(query))}`, undefined, options);
  }

  listKeys(options?: CallOptions): Promise<{ keys: Key[] }> {
    return this.#send("GET", "admin/keys", undefined, options);
  }

  createKey(key: NewKey, options?: CallOptions): Promise<CreatedKey> {
    return this.#send("POST", "admin/keys", key, options);
  }

  rotateKey(
    id: string,
    body: { grace_secs?: number; expires_at?: string } = {},
    options?: CallOptions,
  ): Promise<CreatedKey> {
    return this.#send("POST", `admin/keys/${encodeURIComponent(id)}/rotate`, body, options);
  }

  revokeKey(id: string, options?: CallOptions): Promise<void> {
    return this.#send("DELETE", `admin/keys/${encodeURIComponent(id)}`, undefined, options);
  }

  listAudit(query: { limit?: number } = {}, options?: CallOptions): Promise<Audit> {
    return this.#send("GET", `admin/audit?${new URLSearchParams(clean(query))}`, undefined, options);
  }

  async #send<T>(method: string, path: string, json: unknown, options?: CallOptions): Promise<T> {
    const { apiKey, onResponse } = this.#options;
    const url = `${this.url}/api/v1/${path}`;
    const headers = {
      ...(apiKey && { authorization: `Bearer ${apiKey}` }),
      ...(json !== undefined && { "content-type": "application/json" }),
    };
    const response = await fetch(url, { method, headers, body: JSON.stringify(json), signal: options?.signal });
    onResponse?.({ operation: "get_stats", method, url, attempt: 1, status: response.status, took: 0 });
    if (response.status === 204) return undefined as T;
    const answer = await response.json();
    if (!response.ok) throw ApiError.of(answer);
    return answer as T;
  }
}

function clean(query: object): Record<string, string> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}
