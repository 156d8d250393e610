// Passes the events of a session to the Context Manager, which installed this file and removes it again.
import { spawn } from "node:child_process";

const PROGRAM = "{program}";
// Longer than the program's own deadline: for a machine that hangs.
const TIMEOUT_MS = 5000;

// Runs a hook and returns its answer, an empty one on any trouble.
function hook(event, fields) {
  return new Promise((resolve) => {
    const child = spawn(PROGRAM, ["hook", "opencode", event], { stdio: ["pipe", "pipe", "ignore"] });
    const timer = setTimeout(() => child.kill(), TIMEOUT_MS);
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stdin.on("error", () => {});
    child.on("error", () => resolve({}));
    child.on("close", () => {
      clearTimeout(timer);
      try {
        resolve(JSON.parse(output));
      } catch {
        resolve({});
      }
    });
    child.stdin.end(JSON.stringify(fields));
  });
}

const textOf = (parts) =>
  (parts ?? [])
    .filter((part) => part.type === "text" && part.text && !part.synthetic)
    .map((part) => part.text)
    .join("\n");

export const ContextManager = async ({ client, directory }) => {
  const notes = new Map();
  const children = new Map();

  // A subagent's session has a parent.
  const isChild = async (id) => {
    if (!children.has(id)) {
      const session = await client.session.get({ path: { id } }).catch(() => undefined);
      children.set(id, Boolean(session?.data?.parentID));
    }
    return children.get(id);
  };

  return {
    "chat.message": async (input, output) => {
      const prompt = textOf(output.parts);
      if (!prompt || (await isChild(input.sessionID))) return;
      const answer = await hook("prompt", { session_id: input.sessionID, cwd: directory, prompt });
      notes.set(input.sessionID, answer.context);
    },
    "experimental.chat.system.transform": async (input, output) => {
      const text = input.sessionID && notes.get(input.sessionID);
      if (text) output.system.push(text);
    },
    "experimental.session.compacting": async (input) => {
      await hook("compact", { session_id: input.sessionID, cwd: directory });
    },
    event: async ({ event }) => {
      if (event.type !== "session.idle") return;
      const id = event.properties.sessionID;
      if (await isChild(id)) return;
      const messages = await client.session.messages({ path: { id } }).catch(() => undefined);
      const last = messages?.data?.findLast((message) => message.info.role === "assistant");
      const reply = textOf(last?.parts);
      if (reply) await hook("stop", { session_id: id, cwd: directory, reply });
    },
  };
};
