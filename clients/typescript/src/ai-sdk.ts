/** Memory for the AI SDK: a middleware that recalls and stores, tools that the model calls, and Claude's memory tool. */
import { jsonSchema, type LanguageModelMiddleware, tool } from "ai";
import type { Client } from "./client.js";
import { runCommand } from "./files.js";
import type { FileCommand } from "./schema.js";
import { type Owner, type Said, type TurnOptions, Turns } from "./turns.js";

export type { Owner, TurnOptions } from "./turns.js";

type Prompt = Parameters<NonNullable<LanguageModelMiddleware["wrapGenerate"]>>[0]["params"]["prompt"];

/**
 * Middleware for `wrapLanguageModel`: puts what is relevant into the prompt behind the instructions, and stores what the
 * user and the model said after the answer, streamed or not.
 */
export function memoryMiddleware(client: Client, options: TurnOptions): LanguageModelMiddleware {
  const turns = new Turns(client, options);
  return {
    specificationVersion: "v4",

    async transformParams({ params }) {
      const content = await turns.recall(said(params.prompt));
      if (!content) return params;
      const instructions = params.prompt.findIndex(({ role }) => role !== "system");
      const prompt = [...params.prompt];
      prompt.splice(instructions, 0, { role: "system", content });
      return { ...params, prompt };
    },

    async wrapGenerate({ doGenerate, params }) {
      const result = await doGenerate();
      const text = result.content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
      await turns.store([...asked(params.prompt), { role: "assistant", text }]);
      return result;
    },

    async wrapStream({ doStream, params }) {
      const { stream, ...rest } = await doStream();
      let text = "";
      let finished = false;
      type Part = typeof stream extends ReadableStream<infer P> ? P : never;
      const heard = new TransformStream<Part, Part>({
        transform(part, controller) {
          if (part.type === "text-delta") text += part.delta;
          if (part.type === "finish") finished = true;
          controller.enqueue(part);
        },
        async flush() {
          if (finished) await turns.store([...asked(params.prompt), { role: "assistant", text }]);
        },
      });
      return { stream: stream.pipeThrough(heard), ...rest };
    },
  };
}

/** Words of the user and the model in a prompt. */
function said(prompt: Prompt): Said[] {
  return prompt.flatMap(({ role, content }) => {
    if (role !== "user" && role !== "assistant") return [];
    return [{ role, text: content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n") }];
  });
}

/** Last words of the user, in the first step of a turn: later steps end with results of tools. */
function asked(prompt: Prompt): Said[] {
  return prompt.at(-1)?.role === "user" ? said(prompt).slice(-1) : [];
}

/** Tools with which the model itself searches, stores and forgets. */
export function memoryTools(client: Client, { userId, scope }: Owner) {
  const owner = { user_id: userId, scope };
  return {
    memory_search: tool({
      description:
        "Look up what was said, decided, preferred or tried before. Call it BEFORE answering when the user refers to the " +
        'past ("as we agreed", "last time", "my usual"), or names a person, project or setting you have no context for. ' +
        "An empty result means that nothing is relevant enough: try once with other words, then say that you do not know.",
      inputSchema: jsonSchema<{ query: string; limit?: number }>({
        type: "object",
        properties: {
          query: { type: "string", description: "The question in plain words, with the names and terms it is about." },
          limit: { type: "integer", minimum: 1, maximum: 50, description: "Most memories to return. Default 10." },
        },
        required: ["query"],
        additionalProperties: false,
      }),
      async execute({ query, limit = 10 }, { abortSignal }) {
        const found = await client.searchContexts({ query, limit, ...owner }, { signal: abortSignal });
        const relevant = found.contexts.filter(({ score }) => score >= found.floor);
        const memories = relevant.map(({ id, text, occurred_at }) => ({ id, text, occurred_at }));
        return { memories, ...(found.degraded.length && { incomplete_without: found.degraded }) };
      },
    }),
    memory_store: tool({
      description:
        "Keep one durable fact, preference, decision, constraint or correction, in one self-contained sentence with names " +
        "and dates. Call it in the same turn in which the user states it. Not for the steps of the current task, secrets, " +
        "or what is stored already.",
      inputSchema: jsonSchema<{ text: string; tags?: string[] }>({
        type: "object",
        properties: {
          text: {
            type: "string",
            description: "One fact in one sentence that is understood without this conversation.",
          },
          tags: {
            type: "array",
            items: { type: "string" },
            description: "A few tags, such as preference or decision.",
          },
        },
        required: ["text"],
        additionalProperties: false,
      }),
      async execute({ text, tags = [] }, { abortSignal }) {
        const context = { text, tags, origin: "agent" as const, ...owner };
        const { id } = await client.storeContext(context, { signal: abortSignal });
        return { id };
      },
    }),
    memory_forget: tool({
      description:
        "Delete these memories for good. Call it when the user asks to forget something, or when a stored fact is wrong: " +
        "find the ids with memory_search first.",
      inputSchema: jsonSchema<{ ids: string[] }>({
        type: "object",
        properties: { ids: { type: "array", items: { type: "string" }, minItems: 1, description: "Ids of memories." } },
        required: ["ids"],
        additionalProperties: false,
      }),
      execute: ({ ids }, { abortSignal }) =>
        client.deleteContexts({ filter: { ids, ...owner } }, { signal: abortSignal }),
    }),
  };
}

/** `execute` of Claude's memory tool: `anthropic.tools.memory_20250818({ execute: memoryCommands(client, { userId }) })`. */
export function memoryCommands(client: Client, owner: Owner): (command: FileCommand) => Promise<string> {
  return async (command) => {
    const { result, is_error } = await runCommand(client, owner, command);
    if (is_error) throw new Error(result);
    return result;
  };
}
