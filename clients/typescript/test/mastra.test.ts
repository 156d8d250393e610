import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Agent } from "@mastra/core/agent";
import { RequestContext } from "@mastra/core/request-context";
import { createMockModel } from "@mastra/core/test-utils/llm-mock";
import { Client, type Context } from "context-manager-client";
import { MemoryProcessor, type TurnOptions } from "context-manager-client/mastra";
import { needsServer, Server } from "./server.js";

describe("Mastra", needsServer, () => {
  let server: Server;
  let client: Client;

  before(async () => {
    server = await Server.start();
    client = new Client({ url: server.url });
  });
  after(() => server.stop());

  /** An agent with memory whose model always says the same, and the prompts that the model got. */
  function agent(answer: string, memory = client, options: Partial<TurnOptions> = {}) {
    const prompts: string[] = [];
    const heard = ({ prompt }: { prompt: unknown }) => prompts.push(JSON.stringify(prompt));
    const model = createMockModel({ mockText: answer, version: "v2", spyGenerate: heard, spyStream: heard });
    const processors = ({ requestContext }: { requestContext: RequestContext }) => [
      new MemoryProcessor(memory, { userId: requestContext.get("user") as string, ...options }),
    ];
    const made = new Agent({
      id: "cook",
      name: "cook",
      instructions: "You are a cook.",
      model: model as never,
      inputProcessors: processors,
      outputProcessors: processors,
    });
    return { agent: made, prompts };
  }

  const as = (user: string) => ({ requestContext: new RequestContext([["user", user]]) });

  async function stored(user: string): Promise<Context[]> {
    const contexts: Context[] = [];
    for await (const context of client.listContexts({ user_id: user })) contexts.unshift(context);
    return contexts;
  }

  test("a turn is stored, and recalled for its user alone", async () => {
    const first = agent("Noted.", client, { sessionId: "one" });
    await first.agent.generate("I am allergic to peanuts.", as("ann"));
    assert.deepEqual(
      (await stored("ann")).map(({ text, origin, session_id }) => [text, origin, session_id]),
      [
        ["I am allergic to peanuts.", "user", "one"],
        ["Noted.", "agent", "one"],
      ],
    );
    const second = agent("No peanuts.");
    await second.agent.generate("What am I allergic to?", as("ann"));
    assert.match(second.prompts[0]!, /allergic to peanuts/);
    await second.agent.generate("What am I allergic to?", as("bob"));
    assert.doesNotMatch(second.prompts[1]!, /peanuts/);
  });

  test("a streamed answer is stored, and only what is new of a conversation", async () => {
    const { agent: cook } = agent("It starts on 14 May.");
    const conversation = [
      { role: "user" as const, content: "I plan a trip." },
      { role: "assistant" as const, content: "Where to?" },
      { role: "user" as const, content: "Lisbon. When does it start?" },
    ];
    const stream = await cook.stream(conversation, as("eve"));
    assert.equal(await stream.text, "It starts on 14 May.");
    assert.deepEqual(
      (await stored("eve")).map(({ text }) => text),
      ["Lisbon. When does it start?", "It starts on 14 May."],
    );
  });

  test("a turn goes on without its memory, and says so", async () => {
    const failures: string[] = [];
    const away = new Client({ url: "http://127.0.0.1:9", maxRetries: 0 });
    const { agent: cook } = agent("Hello.", away, { onError: (_, step) => failures.push(step) });
    assert.equal((await cook.generate("Hi", as("ann"))).text, "Hello.");
    assert.deepEqual(failures, ["recall", "store"]);
  });
});
