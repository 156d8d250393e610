/** Errors of calls. Each message says what happened and what to do; none holds a key. */
import type { FieldError, Problem } from "./schema.js";

/** Base of all errors of this package. */
export class ContextManagerError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** A problem that the server described. */
export class ApiError extends ContextManagerError {
  readonly status: number;
  /** Kind of error, for programs. */
  readonly code: Problem["code"];
  readonly title: string;
  readonly detail: string;
  /** Id of the request, which the server's logs name too. */
  readonly requestId: string | undefined;
  /** Milliseconds to wait before the next attempt, if the server named a time. */
  readonly retryAfter: number | undefined;
  /** Every field that is not valid. */
  readonly errors: readonly FieldError[];
  /** The problem as the server sent it. */
  readonly problem: Problem;

  constructor(problem: Problem, retryAfter?: number, advice?: string) {
    const { status, code, title, detail, errors = [], request_id } = problem;
    super(`${status} ${code}: ${detail}${advice ? `; ${advice}` : ""}${request_id ? ` (request ${request_id})` : ""}`);
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
    this.requestId = request_id ?? undefined;
    this.retryAfter = retryAfter;
    this.problem = problem;
  }

  /** The error of the class for the problem's status. */
  static of(problem: Problem, retryAfter?: number): ApiError {
    const [Class, advice] = CLASSES[problem.status] ?? [ApiError];
    return new Class(problem, retryAfter, advice);
  }
}

/** The request is not valid: `errors` names each field. */
export class InvalidRequest extends ApiError {}
/** There is no key, or it is damaged, unknown, expired or revoked. */
export class Unauthenticated extends ApiError {}
/** The key lacks a permission, is of another user, or its quota is used up. */
export class Forbidden extends ApiError {}
/** Nothing has this id, key or path. */
export class NotFound extends ApiError {}
/** The id is taken by something else, or the state does not allow the call. */
export class Conflict extends ApiError {}
/** The body or a text is above a limit. */
export class TooLarge extends ApiError {}
/** The key or the address calls too often. */
export class RateLimited extends ApiError {}
/** The server, or a part of it that the call needs, is down or busy. A write that ends in 504 may have been applied. */
export class Unavailable extends ApiError {}

const CLASSES: Record<number, [typeof ApiError, string?]> = {
  400: [InvalidRequest],
  401: [Unauthenticated, "set `apiKey` or CONTEXT_MANAGER_API_KEY to a key of this server"],
  403: [Forbidden],
  404: [NotFound],
  409: [Conflict],
  413: [TooLarge, "send less at once"],
  415: [InvalidRequest],
  421: [ApiError, "add the host of the URL to `server.allowed_hosts` of the server"],
  422: [InvalidRequest],
  429: [RateLimited, "wait for `retryAfter`, or raise the limit of the server"],
  503: [Unavailable, "see the health of the server"],
  504: [Unavailable, "a write may have been applied; send it again with the same id"],
};

/** No connection to the server, or it broke. */
export class ConnectionFailed extends ContextManagerError {
  /** Code of the runtime, such as `ECONNREFUSED`. */
  readonly code: string | undefined;

  constructor(url: string, error: unknown) {
    const { cause, code, message } = error as {
      cause?: { code?: string; message?: string };
      code?: string;
      message?: string;
    };
    const reason = cause?.code ?? code ?? cause?.message ?? message ?? String(error);
    super(`no connection to ${url} (${reason}): start the server there, or set \`url\` or CONTEXT_MANAGER_URL`, {
      cause: error,
    });
    this.code = cause?.code ?? code;
  }
}

/** The time for the call ran out, retries included. A write may have been applied. */
export class DeadlineExceeded extends ContextManagerError {
  /** Milliseconds the call had. */
  readonly timeout: number;

  constructor(url: string, timeout: number, cause?: unknown) {
    const last = cause instanceof Error ? `; the last attempt failed: ${cause.message}` : "";
    super(
      `${url} did not complete the call within ${timeout} ms: raise \`timeout\`, or look at the server's load${last}`,
      {
        cause,
      },
    );
    this.timeout = timeout;
  }
}

/** An answer that is not one of the API: of a proxy or another server, or cut off. */
export class UnexpectedAnswer extends ContextManagerError {
  readonly status: number;
  /** First 200 characters of the body. */
  readonly excerpt: string;
  /** Milliseconds to wait before the next attempt, if the answer named a time. */
  readonly retryAfter: number | undefined;

  constructor(url: string, status: number, reason: string, body: string, retryAfter?: number) {
    const excerpt = body.slice(0, 200);
    super(
      `status ${status} with ${reason}; is ${url} the address of a Context Manager server?` +
        (excerpt && ` The answer begins: ${excerpt}`),
    );
    this.status = status;
    this.excerpt = excerpt;
    this.retryAfter = retryAfter;
  }
}
