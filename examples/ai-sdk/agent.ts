// An AI SDK agent with memory. Needs a server: CONTEXT_MANAGER_URL, else http://127.0.0.1:8080.
import { generateText, isStepCount, wrapLanguageModel } from "ai";
import { Client } from "context-manager-client";
import { memoryMiddleware, memoryTools } from "context-manager-client/ai-sdk";
import { model } from "./model.js"; // or one of a provider, such as openai("…")

const client = new Client();
const userId = "noor";

/** One turn: the middleware recalls before it and stores after it, the tools let the model do so itself. */
async function turn(sessionId: string, prompt: string): Promise<string> {
  const { text, steps } = await generateText({
    model: wrapLanguageModel({ model, middleware: memoryMiddleware(client, { userId, sessionId }) }),
    tools: memoryTools(client, { userId }),
    stopWhen: isStepCount(5),
    prompt,
  });
  const calls = steps.flatMap(({ toolCalls }) => toolCalls.map(({ toolName }) => `[${toolName}] `));
  return calls.join("") + text;
}

console.log("Monday:", await turn("monday", "I am allergic to peanuts"));
console.log("Friday:", await turn("friday", "What am I allergic to?"));
