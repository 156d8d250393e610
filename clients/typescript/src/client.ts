/** The client: one method for each call of the API, named as its operation id in the OpenAPI document. */
import { type Event, readEvents } from "./events.js";
import { isUuid, uuid } from "./ids.js";
import type { CallOptions, ClientOptions } from "./options.js";
import { type Page, Pages } from "./pages.js";
import type { Context, DocumentSummary, NewContext, ScopeSummary, Session } from "./schema.js";
import { type Call, Transport } from "./transport.js";
import type { Answer, Body, Operation, Query } from "./types.js";

/** Longest silence of a stream of events: the server sends a comment every 15 seconds. */
const SILENCE = 45_000;

/**
 * Client of a server.
 *
 * Every method rejects with a `ContextManagerError` when the server refuses the call or cannot be reached, or when the
 * time is over. Failed connections and the statuses 429, 502, 503 and 504 are retried where that does no harm: contexts,
 * documents and messages without an id get one here, so that they are stored once.
 */
export class Client {
  readonly #transport: Transport;
  readonly #onDegraded: ClientOptions["onDegraded"];

  constructor(options: ClientOptions = {}) {
    this.#transport = new Transport(options);
    this.#onDegraded = options.onDegraded;
  }

  /** Address of the server. */
  get url(): string {
    return this.#transport.url;
  }

  /** Stores a context. */
  storeContext(context: NewContext, options?: CallOptions): Promise<Answer<"store_context">> {
    return this.#call("store_context", { json: withId(context) }, options);
  }

  /** Stores up to 1,000 contexts; each has an outcome of its own, in the order given. */
  storeContexts(contexts: readonly NewContext[], options?: CallOptions): Promise<Answer<"store_contexts">> {
    return this.#call("store_contexts", { json: { contexts: contexts.map(withId) } }, options);
  }

  /** Lists contexts, newest first. `limit` is the size of a page. */
  listContexts(query: Query<"list_contexts"> = {}, options?: CallOptions): Pages<Context, Answer<"list_contexts">> {
    return this.#pages("list_contexts", query, options, (page) => page.contexts);
  }

  /** Reads a context. */
  getContext(id: string, options?: CallOptions): Promise<Answer<"get_context">> {
    return this.#call("get_context", { at: id }, options);
  }

  /** Changes a context. */
  updateContext(id: string, patch: Body<"update_context">, options?: CallOptions): Promise<Answer<"update_context">> {
    return this.#call("update_context", { at: id, json: patch }, options);
  }

  /** Deletes a context; one that does not exist is no error. */
  deleteContext(id: string, options?: CallOptions): Promise<void> {
    return this.#call("delete_context", { at: id }, options);
  }

  /** Stores a context under its key, or replaces what is there. */
  storeContextByKey(
    context: Body<"store_context_by_key"> & { key: string },
    options?: CallOptions,
  ): Promise<Answer<"store_context_by_key">> {
    return this.#call("store_context_by_key", { json: context }, options);
  }

  /** Reads the context of a key. */
  getContextByKey(query: Query<"get_context_by_key">, options?: CallOptions): Promise<Answer<"get_context_by_key">> {
    return this.#call("get_context_by_key", { query }, options);
  }

  /** Deletes the context of a key with its history; one that does not exist is no error. */
  deleteContextByKey(query: Query<"delete_context_by_key">, options?: CallOptions): Promise<void> {
    return this.#call("delete_context_by_key", { query }, options);
  }

  /** Lists the versions of a context, newest first. */
  getContextHistory(id: string, options?: CallOptions): Promise<Answer<"get_context_history">> {
    return this.#call("get_context_history", { at: id }, options);
  }

  /** Takes the last change of a context back. */
  undoContext(id: string, options?: CallOptions): Promise<Answer<"undo_context">> {
    return this.#call("undo_context", { at: id }, options);
  }

  /** Finds the contexts that answer a query. */
  searchContexts(request: Body<"search_contexts">, options?: CallOptions): Promise<Answer<"search_contexts">> {
    return this.#complete("search_contexts", { json: request }, options);
  }

  /** Assembles the contexts that answer a query into one text for a prompt. */
  assembleContexts(request: Body<"assemble_contexts">, options?: CallOptions): Promise<Answer<"assemble_contexts">> {
    return this.#complete("assemble_contexts", { json: request }, options);
  }

  /** Counts contexts. */
  countContexts(which: Body<"count_contexts"> = {}, options?: CallOptions): Promise<Answer<"count_contexts">> {
    return this.#call("count_contexts", { json: which }, options);
  }

  /** Reads the newest contexts on a plane, near to each other if their vectors are alike. */
  getMap(query: Query<"get_map"> = {}, options?: CallOptions): Promise<Answer<"get_map">> {
    return this.#call("get_map", { query }, options);
  }

  /** Deletes contexts by ids or by a filter. */
  deleteContexts(which: Body<"delete_contexts">, options?: CallOptions): Promise<Answer<"delete_contexts">> {
    return this.#call("delete_contexts", { json: which }, options);
  }

  /** Deletes the contexts of a level, of one session, user or agent if named. */
  clearContexts(which: Body<"clear_contexts">, options?: CallOptions): Promise<Answer<"clear_contexts">> {
    return this.#call("clear_contexts", { json: which }, options);
  }

  /** Lists sessions, by id. */
  listSessions(query: Query<"list_sessions"> = {}, options?: CallOptions): Pages<Session, Answer<"list_sessions">> {
    return this.#pages("list_sessions", query, options, (page) => page.sessions);
  }

  /** Deletes a session at all levels. */
  deleteSession(sessionId: string, options?: CallOptions): Promise<Answer<"delete_session">> {
    return this.#call("delete_session", { at: sessionId }, options);
  }

  /**
   * Adds messages to a conversation; each has an outcome of its own. A message without an `id` gets one, which comes back
   * with it. With other ids than UUIDs the call is not repeated after it began, as that could add a message twice.
   */
  storeMessages(
    sessionId: string,
    body: Omit<Body<"store_messages">, "messages"> & { messages: readonly object[] },
    options?: CallOptions,
  ): Promise<Answer<"store_messages">> {
    const messages = body.messages.map((message) => ("id" in message ? message : { id: uuid(), ...message }));
    const repeatable = messages.every(({ id }) => isUuid(id));
    return this.#call("store_messages", { at: sessionId, json: { ...body, messages }, repeatable }, options);
  }

  /** Lists the newest messages of a conversation, oldest first. */
  listMessages(
    sessionId: string,
    query: Query<"list_messages"> = {},
    options?: CallOptions,
  ): Promise<Answer<"list_messages">> {
    return this.#call("list_messages", { at: sessionId, query }, options);
  }

  /** Takes the newest message of a conversation away. */
  popMessage(sessionId: string, options?: CallOptions): Promise<Answer<"pop_message">> {
    return this.#call("pop_message", { at: sessionId }, options);
  }

  /** Deletes the messages of a conversation; its other contexts stay. */
  clearMessages(sessionId: string, options?: CallOptions): Promise<Answer<"clear_messages">> {
    return this.#call("clear_messages", { at: sessionId }, options);
  }

  /** Stores a document, or replaces the one with its id. */
  storeDocument(document: Body<"store_document">, options?: CallOptions): Promise<Answer<"store_document">> {
    return this.#call("store_document", { json: { ...document, id: document.id ?? uuid() } }, options);
  }

  /** Lists documents, newest first. `limit` is the size of a page. */
  listDocuments(
    query: Query<"list_documents"> = {},
    options?: CallOptions,
  ): Pages<DocumentSummary, Answer<"list_documents">> {
    return this.#pages("list_documents", query, options, (page) => page.documents);
  }

  /** Reads the summary of a document. */
  getDocument(id: string, options?: CallOptions): Promise<Answer<"get_document">> {
    return this.#call("get_document", { at: id }, options);
  }

  /** Deletes a document with its parts. */
  deleteDocument(id: string, options?: CallOptions): Promise<Answer<"delete_document">> {
    return this.#call("delete_document", { at: id }, options);
  }

  /** Runs a command of the memory tool. A command that is refused is a result as well, with `is_error`. */
  runFileCommand(command: Body<"run_file_command">, options?: CallOptions): Promise<Answer<"run_file_command">> {
    return this.#call("run_file_command", { json: command, repeatable: command.command === "view" }, options);
  }

  /**
   * Follows the writes, from now on or behind the event with the id `after`. The server ends a stream after 15 minutes:
   * call again with the id of the last event.
   */
  streamEvents(query: Query<"stream_events"> = {}, options?: CallOptions): AsyncGenerator<Event> {
    return readEvents(this.#transport.pieces("stream_events", { query }, "text/event-stream", options, SILENCE));
  }

  /** Lists scopes, by path. `limit` is the size of a page. */
  listScopes(query: Query<"list_scopes"> = {}, options?: CallOptions): Pages<ScopeSummary, Answer<"list_scopes">> {
    return this.#pages("list_scopes", query, options, (page) => page.scopes);
  }

  /** Deletes everything in a scope, below it, and derived from that. */
  forgetScope(prefix: string, options?: CallOptions): Promise<Answer<"forget_scope">> {
    return this.#call("forget_scope", { query: { prefix } }, options);
  }

  /** Deletes everything of a user, and derived from that. */
  forgetUser(userId: string, options?: CallOptions): Promise<Answer<"forget_user">> {
    return this.#call("forget_user", { at: userId }, options);
  }

  /** Reads the tenant, user and permissions of this client's key. */
  getCaller(options?: CallOptions): Promise<Answer<"get_caller">> {
    return this.#call("get_caller", {}, options);
  }

  /** Counts the stored contexts. */
  getStats(options?: CallOptions): Promise<Answer<"get_stats">> {
    return this.#call("get_stats", {}, options);
  }

  /** Exports everything as JSON lines. An export without its last line, the trailer, was cut off. */
  exportContexts(query: Query<"export_contexts"> = {}, options?: CallOptions): AsyncGenerator<Uint8Array> {
    return this.#transport.pieces("export_contexts", { query }, "application/x-ndjson", options);
  }

  /** Imports JSON lines as exported. What is there already is skipped, so a repetition changes nothing. */
  importContexts(
    lines: string | Uint8Array<ArrayBuffer> | Blob | ReadableStream<Uint8Array>,
    options?: CallOptions,
  ): Promise<Answer<"import_contexts">> {
    // A stream cannot be sent twice.
    const once = lines instanceof ReadableStream ? { ...options, maxRetries: 0 } : options;
    return this.#call("import_contexts", { lines }, once);
  }

  /** Collects garbage now, or reports what it would do. */
  collectGarbage(request: Body<"collect_garbage"> = {}, options?: CallOptions): Promise<Answer<"collect_garbage">> {
    return this.#call("collect_garbage", { json: request }, options);
  }

  /** Makes a snapshot of the whole store. */
  createSnapshot(options?: CallOptions): Promise<Answer<"create_snapshot">> {
    return this.#call("create_snapshot", {}, options);
  }

  /** Lists snapshots, newest first. */
  listSnapshots(options?: CallOptions): Promise<Answer<"list_snapshots">> {
    return this.#call("list_snapshots", {}, options);
  }

  /** Verifies a snapshot. */
  verifySnapshot(name: string, options?: CallOptions): Promise<Answer<"verify_snapshot">> {
    return this.#call("verify_snapshot", { at: name }, options);
  }

  /** Sets the whole store back to a snapshot. */
  restoreSnapshot(
    name: string,
    request: Body<"restore_snapshot"> = {},
    options?: CallOptions,
  ): Promise<Answer<"restore_snapshot">> {
    return this.#call("restore_snapshot", { at: name, json: request }, options);
  }

  /** Changes to the other embedding model, or continues a change. */
  startReembedding(options?: CallOptions): Promise<Answer<"start_reembedding">> {
    return this.#call("start_reembedding", {}, options);
  }

  /** Reads the state of a change of the embedding model. */
  getReembedding(options?: CallOptions): Promise<Answer<"get_reembedding">> {
    return this.#call("get_reembedding", {}, options);
  }

  /** Stops a change of the embedding model, and removes the vectors of the model that is not in use. */
  discardReembedding(options?: CallOptions): Promise<void> {
    return this.#call("discard_reembedding", {}, options);
  }

  /** Reads the filter of the server's log. */
  getLogFilter(options?: CallOptions): Promise<Answer<"get_log_filter">> {
    return this.#call("get_log_filter", {}, options);
  }

  /** Changes the filter of the server's log until its end. */
  setLogFilter(filter: Body<"set_log_filter">, options?: CallOptions): Promise<Answer<"set_log_filter">> {
    return this.#call("set_log_filter", { json: filter }, options);
  }

  /** Lists every key of the server's file. */
  listKeys(options?: CallOptions): Promise<Answer<"list_keys">> {
    return this.#call("list_keys", {}, options);
  }

  /** Creates a key. Its secret is in this answer alone. */
  createKey(key: Body<"create_key">, options?: CallOptions): Promise<Answer<"create_key">> {
    return this.#call("create_key", { json: key }, options);
  }

  /** Creates a key with the same permissions, and lets the old one expire. */
  rotateKey(id: string, times: Body<"rotate_key"> = {}, options?: CallOptions): Promise<Answer<"rotate_key">> {
    return this.#call("rotate_key", { at: id, json: times }, options);
  }

  /** Revokes a key. */
  revokeKey(id: string, options?: CallOptions): Promise<Answer<"revoke_key">> {
    return this.#call("revoke_key", { at: id }, options);
  }

  /** Lists the last audited calls, newest first. */
  listAudit(query: Query<"list_audit"> = {}, options?: CallOptions): Promise<Answer<"list_audit">> {
    return this.#call("list_audit", { query }, options);
  }

  /** Reads the health of the server and its parts; `fresh` checks them now. */
  getHealth(query: Query<"get_health"> = {}, options?: CallOptions): Promise<Answer<"get_health">> {
    return this.#call("get_health", { query }, options);
  }

  /** Checks that the process runs. */
  getLiveness(options?: CallOptions): Promise<Answer<"get_liveness">> {
    return this.#call("get_liveness", {}, options);
  }

  /** Checks that requests can be served. */
  getReadiness(options?: CallOptions): Promise<Answer<"get_readiness">> {
    return this.#call("get_readiness", {}, options);
  }

  /** Reads the metrics, in Prometheus's text format. */
  getMetrics(options?: CallOptions): Promise<string> {
    return this.#transport.text("get_metrics", {}, options);
  }

  #call<T>(operation: Operation, call: Call, options?: CallOptions): Promise<T> {
    return this.#transport.json(operation, call, options);
  }

  /** Calls, and reports an answer that is not complete. */
  async #complete<T extends { degraded: string[] }>(
    operation: Operation,
    call: Call,
    options?: CallOptions,
  ): Promise<T> {
    const answer = await this.#call<T>(operation, call, options);
    if (answer.degraded.length) this.#onDegraded?.(answer.degraded, operation);
    return answer;
  }

  #pages<Item, P extends Page>(
    operation: Operation,
    query: object,
    options: CallOptions | undefined,
    items: (page: P) => Item[],
  ): Pages<Item, P> {
    const fetch = (cursor?: string) =>
      this.#call<P>(operation, { query: { ...query, ...(cursor && { cursor }) } }, options);
    return new Pages(fetch, items);
  }
}

/** The context with an id, so that storing it twice stores it once. What stands under a key needs none. */
function withId(context: NewContext): NewContext {
  return context.id || context.key ? context : { ...context, id: uuid() };
}
