/** Recall before a turn of an agent and storing after it, for adapters. Failures are reported, and end no turn. */
import type { Client } from "./client.js";
import { ContextManagerError } from "./errors.js";
import type { AssembleRequest } from "./schema.js";

/** Owner of a memory. */
export interface Owner {
  /** User whose memory it is; nobody else's is read or written. */
  userId: string;
  /** Path in the tree of scopes. */
  scope?: string;
}

/** Settings of a memory that takes part in turns. */
export interface TurnOptions extends Owner {
  /** Agent for which turns are stored. */
  agentId?: string;
  /** Conversation for which turns are stored. Recall is over all conversations. */
  sessionId?: string;
  /** Fields of the recall, such as `filter`, and `max_tokens` if not 1,000. */
  recall?: Partial<Omit<AssembleRequest, "query" | "user_id">>;
  /** Milliseconds that a turn waits for recall. Default 2,000. */
  timeout?: number;
  /** False stores no turns. Default true. */
  store?: boolean;
  /** Called with what failed. Default: a warning on the console. */
  onError?: (error: unknown, step: "recall" | "store") => void;
}

/** A message of a conversation as plain text. */
export interface Said {
  role: "user" | "assistant";
  text: string;
}

/** Messages of which recall takes the question. */
const RECENT = 8;

/** A memory that takes part in turns. */
export class Turns {
  readonly #client: Client;
  readonly #options: TurnOptions;

  constructor(client: Client, options: TurnOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Text for the prompt; nothing if nothing is relevant. */
  async recall(conversation: readonly Said[]): Promise<string | undefined> {
    const said = conversation.filter(({ text }) => text.trim()).slice(-RECENT);
    if (!said.some(({ role }) => role === "user")) return undefined;
    const { userId, scope, recall, timeout = 2_000 } = this.#options;
    try {
      const { prompt } = await this.#client.assembleContexts(
        {
          max_tokens: 1_000,
          scope,
          ...recall,
          user_id: userId,
          query: said.map(({ role, text }) => ({ role, content: text })),
        },
        { timeout },
      );
      return prompt || undefined;
    } catch (error) {
      this.#failed(error, "recall");
      return undefined;
    }
  }

  /** Stores what was said. It is found at once, in other conversations as well. */
  async store(said: readonly Said[]): Promise<void> {
    const { userId, agentId, sessionId, scope, store = true } = this.#options;
    const contexts = said
      .filter(({ text }) => text.trim())
      .map(({ role, text }) => ({
        text,
        user_id: userId,
        agent_id: agentId,
        session_id: sessionId,
        scope,
        origin: role === "user" ? ("user" as const) : ("agent" as const),
        metadata: { role },
      }));
    if (!store || !contexts.length) return;
    try {
      const { results } = await this.#client.storeContexts(contexts);
      for (const { error } of results) {
        if (error) this.#failed(new ContextManagerError(`${error.status} ${error.code}: ${error.detail}`), "store");
      }
    } catch (error) {
      this.#failed(error, "store");
    }
  }

  #failed(error: unknown, step: "recall" | "store"): void {
    const { onError } = this.#options;
    if (onError) onError(error, step);
    else
      console.warn(
        `memory: ${step} failed, the turn goes on without it: ${error instanceof Error ? error.message : error}`,
      );
  }
}
