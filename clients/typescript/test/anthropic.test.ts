import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { betaMemoryTool } from "@anthropic-ai/sdk/helpers/beta/memory";
import { Client } from "context-manager-client";
import { memoryHandlers } from "context-manager-client/anthropic";
import { needsServer, Server } from "./server.js";

/** A model that calls the memory tool with these inputs in turn, and the results that it got. */
function scripted(...commands: object[]) {
  const results: { content: unknown; is_error?: boolean }[] = [];
  const fetch = async (_: unknown, init?: RequestInit) => {
    const { messages } = JSON.parse(String(init?.body));
    const last = messages.at(-1).content;
    if (Array.isArray(last)) results.push(...last.filter((part) => part.type === "tool_result"));
    const input = commands[results.length];
    const content = input
      ? [{ type: "tool_use", id: `toolu_${results.length}`, name: "memory", input }]
      : [{ type: "text", text: "Done." }];
    const stop_reason = input ? "tool_use" : "end_turn";
    const usage = { input_tokens: 1, output_tokens: 1 };
    return Response.json({
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "scripted",
      content,
      stop_reason,
      usage,
    });
  };
  return { anthropic: new Anthropic({ apiKey: "none", fetch }), results };
}

describe("Claude's memory tool", needsServer, () => {
  let server: Server;
  let client: Client;

  before(async () => {
    server = await Server.start();
    client = new Client({ url: server.url });
  });
  after(() => server.stop());

  async function run(userId: string, ...commands: object[]) {
    const { anthropic, results } = scripted(...commands);
    const answer = await anthropic.beta.messages.toolRunner({
      model: "scripted",
      max_tokens: 100,
      messages: [{ role: "user", content: "Go on." }],
      tools: [betaMemoryTool(memoryHandlers(client, { userId }))],
    });
    assert.deepEqual(answer.content, [{ type: "text", text: "Done." }]);
    return results.map(({ content, is_error }) => [content, is_error ?? false] as const);
  }

  test("all six commands, as the model wrote them", async () => {
    const path = "/memories/notes.txt";
    const results = await run(
      "ann",
      { command: "create", path, file_text: "one\ntwo\n" },
      { command: "str_replace", path, old_str: "two", new_str: "2" },
      { command: "insert", path, insert_line: 2, insert_text: "three\n" },
      { command: "rename", old_path: path, new_path: "/memories/list.txt" },
      { command: "view", path: "/memories/list.txt", view_range: [1, 3] },
      { command: "delete", path: "/memories/list.txt" },
    );
    assert.deepEqual(
      results.map(([, error]) => error),
      [false, false, false, false, false, false],
    );
    assert.match(String(results[4]?.[0]), /one[\s\S]*2[\s\S]*three/);
  });

  test("a refused command is an error for the model, with the server's words", async () => {
    const command = { command: "view", path: "/memories/../etc/passwd" };
    const [[text, error] = []] = await run("ann", command);
    assert.equal(error, true);
    assert.equal(text, (await client.runFileCommand({ ...command, command: "view", user_id: "ann" })).result);
  });

  test("each user has files of their own, and searches find them", async () => {
    await run("ann", { command: "create", path: "/memories/tea.txt", file_text: "Ann drinks green tea." });
    const [[text] = []] = await run("bob", { command: "view", path: "/memories" });
    assert.doesNotMatch(String(text), /tea/);
    const found = await client.searchContexts({ query: "Who drinks green tea?", user_id: "ann" });
    assert.equal(found.contexts[0]?.text, "Ann drinks green tea.");
  });
});
