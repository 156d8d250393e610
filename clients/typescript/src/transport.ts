/** Calls over `fetch`: one deadline over all attempts, retries, checked answers. */
import { Deadline } from "./deadline.js";
import { ApiError, ConnectionFailed, ContextManagerError, DeadlineExceeded, UnexpectedAnswer } from "./errors.js";
import type { CallOptions, ClientOptions, RequestInfo, ResponseInfo } from "./options.js";
import { isRepeatable, isRetried, pauseAfter, retryAfter } from "./retry.js";
import { routes } from "./routes.js";
import type { Problem } from "./schema.js";
import type { Operation } from "./types.js";

/** Calls that last as long as there is data. */
const LONG = new Set<Operation>([
  "collect_garbage",
  "create_snapshot",
  "export_contexts",
  "forget_scope",
  "forget_user",
  "import_contexts",
  "list_snapshots",
  "restore_snapshot",
  "store_document",
  "verify_snapshot",
]);

/** Parts of a request. */
export interface Call {
  /** Parameter of the path. */
  at?: string;
  query?: object;
  json?: unknown;
  /** Body that is no JSON. */
  lines?: BodyInit;
  /** True if a repetition leaves the same state, where the operation alone does not tell. */
  repeatable?: boolean;
}

/** Sends calls to a server. */
export class Transport {
  readonly url: string;
  readonly #options: ClientOptions;
  readonly #headers: Record<string, string>;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    this.url = baseUrl(options.url ?? environment("CONTEXT_MANAGER_URL") ?? "http://127.0.0.1:8080");
    const key = (options.apiKey ?? environment("CONTEXT_MANAGER_API_KEY"))?.trim();
    if (key && !/^[\x21-\x7e]+$/.test(key)) throw new ContextManagerError("`apiKey` has characters that no key has");
    this.#options = options;
    this.#headers = { ...options.headers, ...(key && { authorization: `Bearer ${key}` }) };
    // The `fetch` of browsers and workers fails as a method of another object.
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  /** Calls, and returns the JSON of the answer; nothing if that is empty. */
  json<T>(operation: Operation, call: Call, options: CallOptions = {}): Promise<T> {
    return this.#attempts(operation, call, options, async (response) => {
      const text = await response.text();
      if (response.status === 204) return undefined as T;
      try {
        return JSON.parse(text) as T;
      } catch {
        throw this.#unexpected(response, "no JSON, or only a part of it", text);
      }
    });
  }

  /** Calls, and returns the answer as text. */
  text(operation: Operation, call: Call, options: CallOptions = {}): Promise<string> {
    return this.#attempts(operation, call, options, (response) => response.text());
  }

  /**
   * Calls, and returns an answer of this media type piece by piece; each may take `longest` milliseconds, by default as long
   * as a call.
   */
  async *pieces(
    operation: Operation,
    call: Call,
    type: string,
    options: CallOptions = {},
    longest?: number,
  ): AsyncGenerator<Uint8Array> {
    const limit = longest ?? this.#timeout(operation, options);
    const body = await this.#attempts(operation, call, options, async (response) => {
      if (response.headers.get("content-type")?.startsWith(type)) return response.body;
      throw this.#unexpected(response, `no ${type}`, await response.text());
    });
    if (!body) return;
    const reader = body.getReader();
    try {
      for (;;) {
        const deadline = new Deadline(limit, options.signal, () => new DeadlineExceeded(this.url, limit));
        const piece = await deadline.race(reader.read()).finally(() => deadline.stop());
        if (piece.done) return;
        yield piece.value;
      }
    } catch (error) {
      throw this.#named(error, options.signal);
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  /** Attempts a call until `read` has read a successful answer, or no further attempt makes sense. */
  async #attempts<T>(
    operation: Operation,
    call: Call,
    options: CallOptions,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const timeout = this.#timeout(operation, options);
    const maxRetries = options.maxRetries ?? this.#options.maxRetries ?? 2;
    const repeatable = call.repeatable ?? isRepeatable(operation);
    let last: unknown;
    const deadline = new Deadline(timeout, options.signal, () => new DeadlineExceeded(this.url, timeout, last));
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await deadline.race(this.#attempt(operation, call, options, attempt, deadline).then(read));
        } catch (error) {
          deadline.signal.throwIfAborted();
          last = this.#named(error);
        }
        const pause = pauseAfter(attempt, last);
        if (attempt > maxRetries || !isRetried(last, repeatable) || pause >= deadline.left) throw last;
        await deadline.sleep(pause);
      }
    } finally {
      deadline.stop();
    }
  }

  /** Sends a request once and returns its answer if that is a success. */
  async #attempt(
    operation: Operation,
    call: Call,
    options: CallOptions,
    attempt: number,
    deadline: Deadline,
  ): Promise<Response> {
    const { method, path } = routes[operation];
    const url = this.url + path.replace(/\{.*\}/, () => segment(call.at)) + query(call.query);
    const headers: Record<string, string> = { ...this.#headers };
    if (call.json !== undefined) headers["content-type"] = "application/json";
    if (call.lines !== undefined) headers["content-type"] = "application/x-ndjson";
    if (options.requestId) headers["x-request-id"] = options.requestId;
    // An export may last longer than it takes to begin.
    if (operation !== "export_contexts")
      headers["x-request-timeout-ms"] = String(Math.max(1, Math.ceil(deadline.left)));
    const init: RequestInit & { duplex?: "half" } = { method, headers, signal: deadline.signal };
    // A redirect would carry the key elsewhere, and turn a write into a read.
    init.redirect = "manual";
    const body = call.lines ?? JSON.stringify(call.json);
    if (body !== undefined) init.body = body;
    if (body instanceof ReadableStream) init.duplex = "half";

    const request: RequestInfo = { operation, method, url, attempt };
    const start = Date.now();
    const report = (outcome: Partial<ResponseInfo>) =>
      this.#options.onResponse?.({ ...request, ...outcome, took: Date.now() - start });
    this.#options.onRequest?.(request);
    const response = await this.#fetch(url, init).catch((error: unknown) => {
      report({ error });
      throw error;
    });
    report({ status: response.status, requestId: response.headers.get("x-request-id") ?? undefined });
    if (response.ok) return response;
    throw await this.#refusal(response);
  }

  async #refusal(response: Response): Promise<ContextManagerError> {
    if (response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
      return this.#unexpected(response, `a redirect to ${response.headers.get("location") ?? "another address"}`);
    }
    const text = await response.text();
    const problem = problemIn(text);
    if (!problem) return this.#unexpected(response, "no problem of the API", text);
    return ApiError.of(problem, retryAfter(response.headers));
  }

  #unexpected(response: Response, reason: string, body = ""): UnexpectedAnswer {
    return new UnexpectedAnswer(this.url, response.status, reason, body, retryAfter(response.headers));
  }

  /** The error that callers get for this one. */
  #named(error: unknown, signal?: AbortSignal): unknown {
    if (error instanceof ContextManagerError) return error;
    return signal?.aborted ? signal.reason : new ConnectionFailed(this.url, error);
  }

  #timeout(operation: Operation, options: CallOptions): number {
    const { timeout = 30_000, longTimeout = 3_600_000 } = this.#options;
    return options.timeout ?? (LONG.has(operation) ? longTimeout : timeout);
  }
}

/** The address without a slash at its end. */
function baseUrl(address: string): string {
  const url = /^https?:\/\//i.test(address) ? new URL(address) : undefined;
  if (!url) throw new ContextManagerError(`the URL must begin with http:// or https://, such as http://127.0.0.1:8080`);
  if (url.username || url.password) throw new ContextManagerError("the URL must hold no password: set `apiKey`");
  return url.origin + url.pathname.replace(/\/+$/, "");
}

/** Value of an environment variable, where the runtime has any and lets the program read it. */
function environment(name: string): string | undefined {
  try {
    const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
    return process?.env?.[name] || undefined;
  } catch {
    return undefined;
  }
}

function segment(parameter = ""): string {
  // URLs leave these segments out: the call would be another one.
  if (/^\.{0,2}$/.test(parameter)) throw new ContextManagerError(`an id must not be "${parameter}"`);
  return encodeURIComponent(parameter);
}

function query(parameters: object = {}): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

function problemIn(text: string): Problem | undefined {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null;
    if (typeof value?.status === "number" && typeof value.code === "string") return value as Problem;
  } catch {
    return undefined;
  }
  return undefined;
}
