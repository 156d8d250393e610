/** The call that the generated client does not have yet. */
import {
  ApiError,
  type CallOptions,
  type ClientOptions,
  Client as Generated,
  Pages,
} from "../../../clients/typescript/src/index.js";

export interface UserSummary {
  user_id: string;
  total: number;
  contexts: { immediate: number; short_term: number; long_term: number };
  first_activity_at: string;
  last_activity_at: string;
}

export interface UserPage {
  users: UserSummary[];
  next_cursor: string | null;
}

export class Client extends Generated {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    super(options);
    this.#options = options;
  }

  listUsers(query: { limit?: number; cursor?: string } = {}, options?: CallOptions): Pages<UserSummary, UserPage> {
    const fetch = (cursor = query.cursor) => this.#users({ ...query, ...(cursor && { cursor }) }, options);
    return new Pages(fetch, (page) => page.users);
  }

  async #users(query: object, options?: CallOptions): Promise<UserPage> {
    const { apiKey } = this.#options;
    const url = `${this.url}/api/v1/users?${new URLSearchParams(query as Record<string, string>)}`;
    const headers: HeadersInit = apiKey ? { authorization: `Bearer ${apiKey}` } : {};
    const response = await fetch(url, { headers, signal: options?.signal });
    const answer = await response.json();
    if (!response.ok) throw ApiError.of(answer);
    return answer as UserPage;
  }
}
