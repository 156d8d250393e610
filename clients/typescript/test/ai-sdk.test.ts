import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { anthropic } from "@ai-sdk/anthropic";
import { generateText, isStepCount, type LanguageModel, streamText, wrapLanguageModel } from "ai";
import { MockLanguageModelV4, simulateReadableStream } from "ai/test";
import { Client, type Context } from "context-manager-client";
import { memoryCommands, memoryMiddleware, memoryTools, type TurnOptions } from "context-manager-client/ai-sdk";
import { needsServer, Server } from "./server.js";

type Answer = Awaited<ReturnType<MockLanguageModelV4["doGenerate"]>>;

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
};
const says = (text: string): Answer => ({
  content: [{ type: "text", text }],
  finishReason: { unified: "stop", raw: undefined },
  usage,
  warnings: [],
});
const calls = (toolName: string, input: object): Answer => ({
  content: [{ type: "tool-call", toolCallId: toolName, toolName, input: JSON.stringify(input) }],
  finishReason: { unified: "tool-calls", raw: undefined },
  usage,
  warnings: [],
});

describe("AI SDK", needsServer, () => {
  let server: Server;
  let client: Client;
  let user = 0;
  const owner = () => ({ userId: `user-${user}` });

  before(async () => {
    server = await Server.start();
    client = new Client({ url: server.url });
  });
  after(() => server.stop());
  beforeEach(() => void user++);

  const remembering = (model: MockLanguageModelV4, options: Partial<TurnOptions> = {}): LanguageModel =>
    wrapLanguageModel({ model, middleware: memoryMiddleware(client, { ...owner(), ...options }) });

  async function stored(): Promise<Context[]> {
    const contexts: Context[] = [];
    for await (const context of client.listContexts({ user_id: owner().userId })) contexts.unshift(context);
    return contexts;
  }

  test("a turn is stored, and recalled in another conversation", async () => {
    const first = new MockLanguageModelV4({ doGenerate: says("Noted.") });
    const prompt = "I am allergic to peanuts.";
    await generateText({ model: remembering(first, { sessionId: "one", agentId: "cook" }), prompt });
    assert.deepEqual(
      (await stored()).map(({ text, origin, session_id, agent_id, metadata }) => [
        text,
        origin,
        session_id,
        agent_id,
        metadata,
      ]),
      [
        [prompt, "user", "one", "cook", { role: "user" }],
        ["Noted.", "agent", "one", "cook", { role: "assistant" }],
      ],
    );

    const second = new MockLanguageModelV4({ doGenerate: says("Nothing with peanuts.") });
    await generateText({
      model: remembering(second, { sessionId: "two" }),
      instructions: "You are a cook.",
      prompt: "What am I allergic to?",
    });
    const [instructions, memory, question] = second.doGenerateCalls[0]!.prompt;
    assert.equal(instructions?.content, "You are a cook.");
    assert.equal(memory?.role, "system");
    assert.match(String(memory?.content), /allergic to peanuts/);
    assert.equal(question?.role, "user");
  });

  test("nothing of another user is recalled", async () => {
    await client.storeContext({ text: "Bob is allergic to peanuts", user_id: "bob" });
    const model = new MockLanguageModelV4({ doGenerate: says("I do not know.") });
    await generateText({ model: remembering(model, { recall: { min_score: 0 } }), prompt: "Allergic to peanuts?" });
    assert.deepEqual(
      model.doGenerateCalls[0]!.prompt.map(({ role }) => role),
      ["user"],
    );
  });

  test("a streamed answer is stored when it is complete", async () => {
    const chunks = [
      { type: "text-start" as const, id: "1" },
      { type: "text-delta" as const, id: "1", delta: "The trip " },
      { type: "text-delta" as const, id: "1", delta: "starts on 14 May." },
      { type: "text-end" as const, id: "1" },
      { type: "finish" as const, finishReason: { unified: "stop" as const, raw: undefined }, usage },
    ];
    const complete = new MockLanguageModelV4({ doStream: { stream: simulateReadableStream({ chunks }) } });
    assert.equal(
      await streamText({ model: remembering(complete), prompt: "When?" }).text,
      "The trip starts on 14 May.",
    );
    assert.deepEqual(
      (await stored()).map(({ text }) => text),
      ["When?", "The trip starts on 14 May."],
    );

    user++;
    const broken = new MockLanguageModelV4({
      doStream: { stream: simulateReadableStream({ chunks: chunks.slice(0, 2) }) },
    });
    await streamText({ model: remembering(broken), prompt: "When?", onError: () => {} }).consumeStream();
    assert.deepEqual(await stored(), []);
  });

  test("a turn goes on without its memory, and says so", async () => {
    const failures: string[] = [];
    const away = new Client({ url: "http://127.0.0.1:9", maxRetries: 0 });
    const middleware = memoryMiddleware(away, { ...owner(), onError: (_, step) => failures.push(step) });
    const model = new MockLanguageModelV4({ doGenerate: says("Hello.") });
    assert.equal(
      (await generateText({ model: wrapLanguageModel({ model, middleware }), prompt: "Hi" })).text,
      "Hello.",
    );
    assert.deepEqual(failures, ["recall", "store"]);
  });

  test("tools: the model stores, finds and forgets its user's memories", async () => {
    const tools = memoryTools(client, owner());
    const bob = await client.storeContext({ text: "Bob drinks tea from Assam", user_id: "bob" });
    const run = (...answers: Answer[]) => {
      const model = new MockLanguageModelV4({ doGenerate: [...answers, says("Done.")] });
      return generateText({ model, tools, prompt: "Go on.", stopWhen: isStepCount(5) });
    };

    const [storing] = (await run(calls("memory_store", { text: "Ann drinks green tea", tags: ["preference"] }))).steps;
    const { id } = storing!.toolResults[0]!.output as { id: string };
    assert.equal((await client.getContext(id)).origin, "agent");

    const [searching] = (await run(calls("memory_search", { query: "Who drinks tea?" }))).steps;
    const { memories } = searching!.toolResults[0]!.output as { memories: { id: string }[] };
    assert.deepEqual(
      memories.map((memory) => memory.id),
      [id],
    );

    const [forgetting] = (await run(calls("memory_forget", { ids: [id, bob.id] }))).steps;
    assert.deepEqual(forgetting!.toolResults[0]!.output, { deleted: 1 });
    assert.equal((await client.getContext(bob.id)).id, bob.id);
  });

  test("a turn with tools is stored once", async () => {
    const model = new MockLanguageModelV4({ doGenerate: [calls("memory_search", { query: "tea" }), says("No tea.")] });
    const options = { model: remembering(model), tools: memoryTools(client, owner()), stopWhen: isStepCount(3) };
    await generateText({ ...options, prompt: "Which tea?" });
    assert.deepEqual(
      (await stored()).map(({ text }) => text),
      ["Which tea?", "No tea."],
    );
  });

  test("Claude's memory tool", async () => {
    const memory = anthropic.tools.memory_20250818({ execute: memoryCommands(client, owner()) });
    const create = { command: "create", path: "/memories/tea.txt", file_text: "green" };
    const answers = [calls("memory", create), calls("memory", create), says("Kept.")];
    const model = new MockLanguageModelV4({ doGenerate: answers });
    const { steps } = await generateText({ model, tools: { memory }, prompt: "Keep it.", stopWhen: isStepCount(4) });
    assert.match(String(steps[0]?.toolResults[0]?.output), /tea\.txt/);
    const refused = steps[1]?.content.find((part) => part.type === "tool-error");
    assert.match(String(refused?.error), /already exists/);
  });
});
