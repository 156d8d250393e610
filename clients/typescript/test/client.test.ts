import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  Client,
  Conflict,
  Forbidden,
  InvalidRequest,
  NotFound,
  RateLimited,
  Unauthenticated,
} from "context-manager-client";
import { needsServer, Server } from "./server.js";

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("a server", needsServer, () => {
  let server: Server;
  let client: Client;

  before(async () => {
    server = await Server.start();
    client = new Client({ url: server.url });
  });
  after(() => server.stop());

  test("finds what was stored, and assembles it", async () => {
    const stored = await client.storeContext({
      text: "Mira is allergic to peanuts",
      user_id: "mira",
      tags: ["health"],
    });
    const found = await client.searchContexts({ query: "What can Mira not eat?", user_id: "mira" });
    assert.equal(found.contexts[0]?.id, stored.id);
    assert.deepEqual(found.degraded, []);
    const { prompt, tokens } = await client.assembleContexts({
      query: [{ role: "user", content: "What can Mira not eat?" }],
      user_id: "mira",
      max_tokens: 200,
    });
    assert.match(prompt, /allergic to peanuts/);
    assert.ok(tokens <= 200);
  });

  test("keeps what a caller gives: ids, metadata, null", async () => {
    const id = "0193aaaa-0000-7000-8000-000000000001";
    const metadata = { camelCase: { snake_case: [1, null, "ü"] } };
    await client.storeContext({ id, text: "Kept as it is", metadata, user_id: "keep" });
    assert.deepEqual((await client.getContext(id)).metadata, metadata);
    const changed = await client.updateContext(id, { metadata: { camelCase: null, other: 1 } });
    assert.ok("metadata" in changed);
    assert.deepEqual(changed.metadata, { other: 1 });
    await client.deleteContext(id);
    await client.deleteContext(id);
    await assert.rejects(client.getContext(id), NotFound);
  });

  test("lists over pages", async () => {
    const texts = Array.from({ length: 7 }, (_, n) => `Page item ${n}`);
    const { results } = await client.storeContexts(texts.map((text) => ({ text, user_id: "pages" })));
    assert.deepEqual(new Set(results.map((result) => result.status)), new Set([201]));
    const list = client.listContexts({ user_id: "pages", limit: 3 });
    assert.deepEqual((await collect(list)).map((context) => context.text).sort(), texts);
    assert.deepEqual(
      (await collect(list.pages())).map((page) => page.contexts.length),
      [3, 3, 1],
    );
    for await (const first of list) {
      assert.equal(first.user_id, "pages");
      break;
    }
  });

  test("one bad context of a batch loses no other", async () => {
    const { results } = await client.storeContexts([{ text: "Good" }, { text: "" }]);
    assert.deepEqual(
      results.map((result) => result.status),
      [201, 400],
    );
    assert.equal(results[1]?.error?.code, "invalid_request");
  });

  test("keys, versions and scopes", async () => {
    const key = { scope: "org/acme/user/ann", key: "theme" };
    const first = await client.storeContextByKey({ ...key, text: "Ann likes light mode" });
    const second = await client.storeContextByKey({ ...key, text: "Ann likes dark mode" });
    assert.equal(second.id, first.id);
    assert.equal((await client.getContextByKey(key)).version, 2);
    assert.equal((await client.getContextHistory(first.id)).versions.length, 2);
    await client.undoContext(first.id);
    assert.equal((await client.getContextByKey(key)).text, "Ann likes light mode");
    await assert.rejects(client.undoContext(first.id), Conflict);
    assert.deepEqual(await collect(client.listScopes({ prefix: "org", depth: 1 })), [
      { scope: "org/acme", contexts: 1 },
    ]);
    assert.equal((await client.forgetScope("org")).deleted, 1);
    await assert.rejects(client.getContextByKey(key), NotFound);
  });

  test("messages come back in order, with the id that the client gave them", async () => {
    const session = "chat/1 ü";
    const messages = [
      { role: "user", content: "Which beans do you have?" },
      { role: "tool", tool_call_id: "c1", content: "ethiopian, kenyan" },
    ];
    await client.storeMessages(session, { messages, user_id: "ann" });
    const listed = await client.listMessages(session);
    assert.deepEqual(
      listed.messages.map(({ id, ...rest }) => rest),
      messages,
    );
    assert.deepEqual(
      listed.messages.map(({ id }) => id),
      listed.ids,
    );
    assert.equal((await client.popMessage(session)).message?.["role"], "tool");
    assert.ok((await collect(client.listSessions())).some(({ session_id }) => session_id === session));
    assert.equal((await client.clearMessages(session)).deleted, 1);
    await client.storeMessages(session, { messages });
    assert.equal((await client.deleteSession(session)).deleted, 2);
  });

  test("documents and files", async () => {
    const { id, contexts } = await client.storeDocument({ text: "# Tea\n\nAnn likes green tea.", format: "markdown" });
    assert.ok(contexts >= 1);
    assert.equal((await client.getDocument(id)).id, id);
    assert.deepEqual(
      (await collect(client.listDocuments())).map((document) => document.id),
      [id],
    );
    await client.deleteDocument(id);
    const file = { path: "/memories/notes.txt", user_id: "ann" };
    await client.runFileCommand({ ...file, command: "create", file_text: "one" });
    assert.equal((await client.runFileCommand({ ...file, command: "create", file_text: "two" })).is_error, true);
    assert.match((await client.runFileCommand({ ...file, command: "view" })).result, /one/);
  });

  test("events follow the writes, and resume", async () => {
    const events = client.streamEvents();
    const first = events.next();
    // The stream begins when it is open: write until it tells of a write.
    const writes = setInterval(() => void client.storeContext({ text: `Event ${Date.now()}` }), 50);
    const { value } = await first;
    clearInterval(writes);
    assert.equal(value?.kind, "stored");
    await events.return(undefined);
    const { id } = await client.storeContext({ text: "After the stream", scope: "events" });
    for await (const event of client.streamEvents({ after: value.id })) {
      if (event.kind === "stored" && event.context.id === id) {
        assert.equal(event.context.scope, "events");
        break;
      }
    }
  });

  test("an export is imported again without a change", async () => {
    const pieces = await collect(client.exportContexts());
    const report = await client.importContexts(new Blob(pieces as BlobPart[]));
    assert.equal(report.complete, true);
    assert.equal(report.imported, 0);
    assert.ok(report.skipped > 0);
    const stream = new Blob(pieces as BlobPart[]).stream() as ReadableStream<Uint8Array>;
    assert.equal((await client.importContexts(stream)).skipped, report.skipped);
  });

  test("the calls of operators", async () => {
    assert.equal((await client.getLiveness()).status, "up");
    assert.equal((await client.getReadiness()).status, "ready");
    assert.ok((await client.getHealth({ fresh: true })).components.length > 0);
    assert.match(await client.getMetrics(), /^# HELP/m);
    assert.equal((await client.collectGarbage({ dry_run: true })).dry_run, true);
    const { filter } = await client.getLogFilter();
    assert.deepEqual(await client.setLogFilter({ filter }), { filter });
    const { name } = await client.createSnapshot();
    assert.deepEqual(
      (await client.listSnapshots()).snapshots.map((snapshot) => snapshot.name),
      [name],
    );
    assert.equal((await client.verifySnapshot(name)).snapshot.name, name);
    assert.equal((await client.restoreSnapshot(name)).snapshot.name, name);
    await client.discardReembedding();
    assert.ok((await client.getStats()).total > 0);
  });

  test("forgetting a person leaves nothing of them", async () => {
    await client.storeContext({ text: "Mira flies to Lisbon", user_id: "mira" });
    assert.ok((await client.forgetUser("mira")).deleted >= 1);
    assert.deepEqual(await collect(client.listContexts({ user_id: "mira" })), []);
    // As a path, this would be another call.
    await assert.rejects(client.forgetUser(".."), /an id must not be/);
  });

  test("a field that is not valid is named", async () => {
    const error = await client.searchContexts({ query: "" }, { requestId: "from-the-test" }).catch((error) => error);
    assert.ok(error instanceof InvalidRequest);
    assert.equal(error.code, "invalid_request");
    assert.equal(error.errors[0]?.pointer, "/query");
    assert.equal(error.requestId, "from-the-test");
    assert.match(error.message, /from-the-test/);
  });

  test("hooks see every attempt, and the ids of requests", async () => {
    const seen: unknown[] = [];
    const logged = new Client({
      url: server.url,
      onRequest: ({ operation, method, attempt }) => seen.push([operation, method, attempt]),
      onResponse: ({ status, requestId }) => seen.push([status, requestId]),
    });
    await logged.getStats({ requestId: "traced" });
    assert.deepEqual(seen, [
      ["get_stats", "GET", 1],
      [200, "traced"],
    ]);
  });
});

test("keys: none, wrong, without a permission, too often", needsServer, async (t) => {
  const server = await Server.start("[rate_limits.per_key]\nread = { per_sec = 1, burst = 1 }\n");
  t.after(() => server.stop());
  const apiKey = server.key("--tenant", "acme", "--permissions", "read");
  await server.kill();
  await server.start();

  await assert.rejects(new Client({ url: server.url }).getStats(), (error) => {
    assert.ok(error instanceof Unauthenticated);
    assert.match(error.message, /CONTEXT_MANAGER_API_KEY/);
    return true;
  });
  await assert.rejects(new Client({ url: server.url, apiKey: "cm_wrong" }).getStats(), Unauthenticated);

  const reader = new Client({ url: server.url, apiKey: `${apiKey}\n` });
  await assert.rejects(reader.storeContext({ text: "Not mine to write" }), Forbidden);
  const answers = await Promise.allSettled(
    Array.from({ length: 3 }, () => reader.searchContexts({ query: "x" }, { maxRetries: 0 })),
  );
  const refused = answers.find((answer) => answer.status === "rejected");
  assert.ok(refused?.reason instanceof RateLimited);
  assert.ok(refused.reason.retryAfter! >= 1000);
  // With retries the wait that the server asks for is kept.
  await reader.searchContexts({ query: "x" });
});
