// An agent with memory in 40 lines. Needs a server: CONTEXT_MANAGER_URL, else http://127.0.0.1:8080.
import { Client } from "context-manager-client";

interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

/** Stands in for a model, so that this runs without a key: replace it by a call of your provider. */
async function model(messages: Message[]): Promise<string> {
  const notes = messages.flatMap(({ role, content }) =>
    role === "system" ? (content.match(/(?<=^> ).*/gm) ?? []) : [],
  );
  return notes.length ? `My notes say: ${notes.join("; ")}` : "I will remember that.";
}

const memory = new Client();
const user_id = "mira";

/** One turn: recalls what matters for it, asks the model, stores what both said. */
async function turn(session_id: string, history: Message[], text: string): Promise<string> {
  history.push({ role: "user", content: text });
  const { prompt } = await memory.assembleContexts({ query: history, user_id, max_tokens: 500 });
  const notes: Message[] = prompt ? [{ role: "system", content: prompt }] : [];
  const answer = await model([...notes, ...history]);
  history.push({ role: "assistant", content: answer });
  await memory.storeContexts([
    { text, user_id, session_id, origin: "user", metadata: { role: "user" } },
    { text: answer, user_id, session_id, origin: "agent", metadata: { role: "assistant" } },
  ]);
  return answer;
}

console.log("Monday:", await turn("monday", [], "I am allergic to peanuts"));
console.log("Friday:", await turn("friday", [], "What am I allergic to?"));
