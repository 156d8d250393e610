/** A Mastra processor that recalls before a turn and stores after it. */
import type { ProcessInputArgs, ProcessOutputResultArgs, Processor } from "@mastra/core/processors";
import type { Client } from "./client.js";
import { type Said, type TurnOptions, Turns } from "./turns.js";

export type { TurnOptions } from "./turns.js";

type Message = ProcessInputArgs["messages"][number];
type MessageList = ProcessInputArgs["messageList"];

/**
 * Processor for `inputProcessors`, where it recalls, and for `outputProcessors`, where it stores. Where users differ from
 * call to call, make one for each: both settings take a function of the request context.
 */
export class MemoryProcessor implements Processor<"context-manager"> {
  readonly id = "context-manager";
  readonly #turns: Turns;

  constructor(client: Client, options: TurnOptions) {
    this.#turns = new Turns(client, options);
  }

  async processInput({ messages, messageList }: ProcessInputArgs): Promise<MessageList> {
    const prompt = await this.#turns.recall(said(messages));
    return prompt ? messageList.addSystem(prompt, this.id) : messageList;
  }

  async processOutputResult({ messageList }: ProcessOutputResultArgs): Promise<MessageList> {
    const asked = said(messageList.get.input.db()).filter(({ role }) => role === "user");
    const answered = said(messageList.get.response.db());
    await this.#turns.store([...asked.slice(-1), ...answered]);
    return messageList;
  }
}

function said(messages: readonly Message[]): Said[] {
  return messages.flatMap(({ role, content }) => {
    if (role !== "user" && role !== "assistant") return [];
    const text = content.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
    return [{ role, text: text || (content.content ?? "") }];
  });
}
