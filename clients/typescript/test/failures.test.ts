import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server as HttpServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { inspect } from "node:util";
import {
  Client,
  type ClientOptions,
  ConnectionFailed,
  ContextManagerError,
  DeadlineExceeded,
  RateLimited,
  Unavailable,
  UnexpectedAnswer,
} from "context-manager-client";
import { needsServer, Server } from "./server.js";

/** A client of a server that answers as `listener` does. */
async function against(t: TestContext, listener: RequestListener, options: ClientOptions = {}) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => close(server));
  return new Client({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...options });
}

function close(server: HttpServer): void {
  server.close();
  server.closeAllConnections();
}

const problem = (status: number, code: string) =>
  JSON.stringify({ type: `urn:context-manager:problem:${code}`, title: "", status, detail: "a detail", code });

describe("a server that is not one, or not there", () => {
  test("away: the error names the address and what to do", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((resolve) => server.close(resolve));
    const attempts: number[] = [];
    const client = new Client({ url, onRequest: ({ attempt }) => attempts.push(attempt) });
    await assert.rejects(client.popMessage("s"), (error) => {
      assert.ok(error instanceof ConnectionFailed);
      assert.equal(error.code, "ECONNREFUSED");
      assert.ok(error.message.includes(url) && error.message.includes("CONTEXT_MANAGER_URL"));
      return true;
    });
    // Nothing was sent, so even this is tried again.
    assert.deepEqual(attempts, [1, 2, 3]);
  });

  test("another site: its page begins the message", async (t) => {
    const client = await against(t, (_, response) => response.end(`<!doctype html>${"x".repeat(1000)}`));
    await assert.rejects(client.getStats(), (error) => {
      assert.ok(error instanceof UnexpectedAnswer);
      assert.equal(error.status, 200);
      assert.equal(error.excerpt.length, 200);
      assert.match(error.message, /<!doctype html>/);
      return true;
    });
  });

  test("a proxy whose server is away: tried again, then its page is the error", async (t) => {
    let calls = 0;
    const client = await against(t, (_, response) => {
      calls++;
      response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
    });
    await assert.rejects(client.getStats(), UnexpectedAnswer);
    assert.equal(calls, 3);
  });

  test("a redirect is not followed with the key, but named", async (t) => {
    const seen: unknown[] = [];
    const client = await against(
      t,
      ({ headers }, response) => {
        seen.push(headers.authorization);
        response.writeHead(301, { location: "https://memory.example.com/" }).end();
      },
      { apiKey: "cm_secret" },
    );
    await assert.rejects(client.storeContext({ text: "x" }), /redirect to https:\/\/memory\.example\.com/);
    assert.deepEqual(seen, ["Bearer cm_secret"]);
  });

  test("an address that is none", () => {
    assert.throws(() => new Client({ url: "localhost:8080" }), /http:\/\/ or https:\/\//);
    assert.throws(
      () => new Client({ url: "http://user:hunter2@localhost" }),
      (error) => {
        assert.ok(error instanceof ContextManagerError);
        assert.doesNotMatch(inspect(error), /hunter2/);
        return true;
      },
    );
  });
});

describe("answers", () => {
  test("one that is cut off is asked for again", async (t) => {
    let calls = 0;
    const client = await against(t, (_, response) => {
      if (calls++ > 0) return response.end('{"status":"up"}');
      response.writeHead(200, { "content-length": 100 });
      return response.write('{"sta', () => response.destroy());
    });
    assert.equal((await client.getLiveness()).status, "up");
  });

  test("a part of JSON is named as that", async (t) => {
    const client = await against(t, (_, response) => response.end('{"status":'));
    await assert.rejects(
      client.getLiveness(),
      (error) => error instanceof UnexpectedAnswer && /part/.test(error.message),
    );
  });

  test("a stream that breaks is an error, not an end", async (t) => {
    const client = await against(t, (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(
        'event: stored\nid: 1\ndata: {"id":"a","level":"long_term","scope":null}\r\n\r\nevent: new\nid: 2\n\n',
      );
      setTimeout(() => response.destroy(), 50);
    });
    const kinds: string[] = [];
    await assert.rejects(async () => {
      for await (const event of client.streamEvents()) kinds.push(event.kind);
    }, ConnectionFailed);
    assert.deepEqual(kinds, ["stored"]);
  });
});

describe("repetitions", () => {
  /** Statuses of successive answers, and the requests that they got. */
  async function answering(t: TestContext, statuses: (number | "broken")[], headers: Record<string, string> = {}) {
    const bodies: string[] = [];
    const client = await against(t, async (request, response) => {
      let body = "";
      for await (const piece of request) body += piece;
      bodies.push(body);
      const status = statuses[bodies.length - 1] ?? statuses.at(-1)!;
      if (status === "broken") return request.socket.destroy();
      if (status === 200) return response.end("{}");
      return response
        .writeHead(status, headers)
        .end(problem(status, status === 429 ? "rate_limited" : "service_unavailable"));
    });
    return { client, bodies };
  }

  test("a store is repeated with the same id", async (t) => {
    const { client, bodies } = await answering(t, [503, "broken", 200]);
    await client.storeContext({ text: "once" });
    assert.equal(bodies.length, 3);
    assert.ok(JSON.parse(bodies[0]!).id);
    assert.deepEqual(new Set(bodies).size, 1);
  });

  test("messages are, unless an id is the model provider's", async (t) => {
    const { client, bodies } = await answering(t, ["broken", 200]);
    await client.storeMessages("s", { messages: [{ role: "user", content: "hi" }] });
    assert.equal(new Set(bodies).size, 1);
    const other = await answering(t, ["broken", 200]);
    const messages = [{ id: "msg_1", role: "user", content: "hi" }];
    await assert.rejects(other.client.storeMessages("s", { messages }), ConnectionFailed);
    assert.deepEqual(other.bodies, [JSON.stringify({ messages })]);
  });

  test("what would be done twice is repeated only if it did not begin", async (t) => {
    const { client, bodies } = await answering(t, [429, 503]);
    await assert.rejects(client.popMessage("s"), Unavailable);
    assert.equal(bodies.length, 2);
    const edit = { command: "insert", path: "/memories/a", insert_line: 0, insert_text: "x" } as const;
    await assert.rejects(client.runFileCommand(edit), Unavailable);
    assert.equal(bodies.length, 3);
  });

  test("a storm of 429 ends with the server's word, without a wait beyond the deadline", async (t) => {
    const { client, bodies } = await answering(t, [429], { "retry-after": "2" });
    const start = Date.now();
    await assert.rejects(client.searchContexts({ query: "x" }, { timeout: 1500 }), (error) => {
      assert.ok(error instanceof RateLimited);
      assert.equal(error.retryAfter, 2000);
      return true;
    });
    assert.ok(Date.now() - start < 1000);
    assert.equal(bodies.length, 1);
  });

  test("none if switched off", async (t) => {
    const { client, bodies } = await answering(t, [503]);
    await assert.rejects(client.getStats({ maxRetries: 0 }), Unavailable);
    assert.equal(bodies.length, 1);
  });
});

describe("time", () => {
  test("a server that never answers costs no more than the deadline", async (t) => {
    const times: unknown[] = [];
    const client = await against(t, ({ headers }) => void times.push(headers["x-request-timeout-ms"]), {
      timeout: 200,
    });
    const start = Date.now();
    await assert.rejects(client.getStats(), (error) => error instanceof DeadlineExceeded && error.timeout === 200);
    await assert.rejects(client.getStats({ timeout: 100 }), DeadlineExceeded);
    assert.ok(Date.now() - start < 600);
    assert.ok(times.every((time) => Number(time) <= 200));
  });

  test("a body that never ends neither", async (t) => {
    const client = await against(t, (_, response) => void response.write("{"), { timeout: 200 });
    await assert.rejects(client.getStats(), DeadlineExceeded);
  });

  test("a caller may cancel, while waiting for a retry as well", async (t) => {
    const client = await against(
      t,
      (_, response) => void response.writeHead(503, { "retry-after": "20" }).end(problem(503, "x")),
    );
    const cancelled = AbortSignal.timeout(100);
    await assert.rejects(client.getStats({ signal: cancelled }), (error) => error === cancelled.reason);
    await assert.rejects(client.getStats({ signal: AbortSignal.abort("enough") }), (error) => error === "enough");
  });
});

test("a key is shown nowhere", async (t) => {
  const apiKey = "cm_0123456789";
  const client = await against(t, (_, response) => response.writeHead(401).end(problem(401, "unauthenticated")), {
    apiKey,
  });
  const error = await client.getStats().catch((error) => error);
  assert.doesNotMatch(
    inspect([client, error], { depth: 9, showHidden: true }) + JSON.stringify([client, error]),
    /cm_0123/,
  );
  assert.throws(
    () => new Client({ apiKey: "cm_01234 56789" }),
    (error) => !/cm_0123/.test(inspect(error)),
  );
});

describe("the server's binary", needsServer, () => {
  test("killed during stores and started again: nothing twice, nothing lost", async (t) => {
    const server = await Server.start();
    t.after(() => server.stop());
    const client = new Client({ url: server.url, maxRetries: 100 });
    const stores = Array.from(
      { length: 200 },
      (_, n) => () => client.storeContext({ text: `Fact ${n}`, user_id: "ann" }),
    );
    const messages = Array.from(
      { length: 50 },
      (_, n) => () =>
        client.storeMessages(`chat-${n}`, { messages: [{ role: "user", content: "the same" }], user_id: "ann" }),
    );
    const writes = Promise.all([...stores, ...messages].map((write) => write()));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await server.kill();
    await server.start();
    await writes;
    const texts = new Map<string, number>();
    for await (const { text } of client.listContexts({ user_id: "ann", limit: 1000 })) {
      texts.set(text, (texts.get(text) ?? 0) + 1);
    }
    assert.equal(texts.size, 201);
    assert.equal(texts.get("the same"), 50);
    texts.delete("the same");
    assert.ok([...texts.values()].every((count) => count === 1));
  });

  test("without its embedding service: answers, and says that they are not complete", async (t) => {
    const server = await Server.start('[embedding]\napi_url = "http://127.0.0.1:1"\nmodel = "away"\ndimensions = 64\n');
    t.after(() => server.stop());
    const degraded: unknown[] = [];
    const client = new Client({ url: server.url, onDegraded: (...seen) => degraded.push(seen) });
    const stored = await client.storeContext({ text: "Mira is allergic to peanuts" });
    assert.equal(stored.embedding_status, "pending");
    const found = await client.searchContexts({ query: "peanuts" });
    assert.equal(found.contexts[0]?.id, stored.id);
    assert.ok(found.degraded.includes("embedding"));
    await client.assembleContexts({ query: "peanuts", max_tokens: 100 });
    assert.deepEqual(
      degraded.map((seen) => (seen as unknown[])[1]),
      ["search_contexts", "assemble_contexts"],
    );
  });
});
