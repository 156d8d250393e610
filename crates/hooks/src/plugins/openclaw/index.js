// Passes the events of a session to the Context Manager, which installed this file and removes it again.
import { spawn } from "node:child_process";

const PROGRAM = "{program}";
// Longer than the program's own deadline: for a machine that hangs.
const TIMEOUT_MS = 5000;

// Runs a hook and returns its answer, an empty one on any trouble.
function hook(event, fields) {
  return new Promise((resolve) => {
    const child = spawn(PROGRAM, ["hook", "openclaw", event], { stdio: ["pipe", "pipe", "ignore"] });
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

const textOf = (content) =>
  typeof content === "string"
    ? content
    : (content ?? [])
        .filter((part) => part.type === "text" && part.text)
        .map((part) => part.text)
        .join("\n");

const fieldsOf = (context) => ({ session_id: context?.sessionId ?? context?.sessionKey, cwd: context?.workspaceDir });

// Scheduled runs and subagents are no conversation with the user.
const isConversation = (context) => !/^(agent:[^:]+:(cron|heartbeat|subagent):|temp:)/.test(context?.sessionKey ?? "");

export default {
  id: "context-manager",
  name: "Context Manager",
  register(api) {
    api.on("before_prompt_build", async (event, context) => {
      if (!event.prompt || !isConversation(context)) return undefined;
      const answer = await hook("prompt", { ...fieldsOf(context), prompt: event.prompt });
      return answer.context ? { prependContext: answer.context } : undefined;
    });
    api.on("agent_end", async (event, context) => {
      if (!isConversation(context)) return;
      const last = (event.messages ?? []).findLast((message) => message.role === "assistant");
      const reply = textOf(last?.content);
      if (reply) await hook("stop", { ...fieldsOf(context), reply });
    });
    api.on("before_compaction", async (_event, context) => {
      if (isConversation(context)) await hook("compact", fieldsOf(context));
    });
    api.on("session_end", async (_event, context) => {
      if (isConversation(context)) await hook("end", fieldsOf(context));
    });
  },
};
