/** Settings of clients and calls. All times are milliseconds. */
import type { Operation } from "./types.js";

/** An attempt of a call, for logs. */
export interface RequestInfo {
  /** Name of the call in the OpenAPI document. */
  operation: Operation;
  method: string;
  url: string;
  /** 1 for the first attempt. */
  attempt: number;
}

/** Outcome of an attempt, for logs. */
export interface ResponseInfo extends RequestInfo {
  /** Status of the answer; absent if there was none. */
  status?: number;
  requestId?: string;
  /** Reason for having no answer. */
  error?: unknown;
  /** Milliseconds until the answer began. */
  took: number;
}

/** Settings of a client. */
export interface ClientOptions {
  /** Address of the server. Default `CONTEXT_MANAGER_URL`, else `http://127.0.0.1:8080`. */
  url?: string;
  /** Key; it decides the tenant. Default `CONTEXT_MANAGER_API_KEY`. */
  apiKey?: string;
  /** Time for a call with its retries. Default 30,000. */
  timeout?: number;
  /** The same for exports, imports, snapshots, documents, garbage collection and forgetting. Default one hour. */
  longTimeout?: number;
  /** Attempts after the first. Default 2; 0 for none. */
  maxRetries?: number;
  /** Headers of every request, such as those that a proxy asks for. */
  headers?: Record<string, string>;
  /** Replaces the runtime's `fetch`. */
  fetch?: typeof fetch;
  /** Called before each attempt. */
  onRequest?: (request: RequestInfo) => void;
  /** Called after each attempt. */
  onResponse?: (response: ResponseInfo) => void;
  /** Called when an answer lacks what a component would have added that was down or late. */
  onDegraded?: (components: readonly string[], operation: Operation) => void;
}

/** Settings of one call. */
export interface CallOptions {
  /** Time for the call with its retries. */
  timeout?: number;
  /** Attempts after the first. */
  maxRetries?: number;
  /** Cancels the call. */
  signal?: AbortSignal;
  /** Sent as `X-Request-Id`; the server's logs and errors name it. */
  requestId?: string;
}
