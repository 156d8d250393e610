/** Policy of retries. */
import { ApiError, ConnectionFailed, UnexpectedAnswer } from "./errors.js";
import type { Operation } from "./types.js";

const STATUSES = new Set([429, 502, 503, 504]);
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8_000;

/** Calls that a repetition would do twice. All others are reads, writes under an id, or leave the same state. */
const NOT_REPEATABLE = new Set<Operation>([
  "undo_context", // would take back one change more
  "pop_message", // would take away one message more
  "run_file_command", // would insert twice, or report that what it created exists
  "collect_garbage", // would report on the second run only
  "create_snapshot", // would make two
  "create_key", // would make two, and the first one's secret is lost
  "rotate_key", // the same
  "restore_snapshot", // would take back what was written after the first time
  "start_reembedding", // would swap the models back
]);

/** Failures of Node and Bun that precede the request. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "ConnectionRefused",
  "FailedToOpenSocket",
]);

/** The part of a message by which Deno, which has no codes, tells the same. */
const DENO_NOT_SENT = "client error (Connect)";

/** True if a repetition of the call leaves the same state. */
export function isRepeatable(operation: Operation): boolean {
  return !NOT_REPEATABLE.has(operation);
}

/** True if another attempt makes sense after this error. A call that must not be done twice is repeated if it did not begin. */
export function isRetried(error: unknown, repeatable: boolean): boolean {
  if (error instanceof ConnectionFailed) {
    return repeatable || NOT_SENT.has(error.code ?? "") || error.message.includes(DENO_NOT_SENT);
  }
  if (!(error instanceof ApiError || error instanceof UnexpectedAnswer)) return false;
  return STATUSES.has(error.status) && (repeatable || error.status === 429);
}

/** Milliseconds before the next attempt: what the server asks for, and full jitter over a growing time. */
export function pauseAfter(attempt: number, error: unknown): number {
  const asked = error instanceof ApiError || error instanceof UnexpectedAnswer ? (error.retryAfter ?? 0) : 0;
  return asked + Math.random() * Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1));
}

/** `Retry-After` in milliseconds: seconds, or a date. */
export function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  if (!value) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
