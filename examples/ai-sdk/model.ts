import { MockLanguageModelV4 } from "ai/test";

const usage = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

/** Stands in for a model, so that the example runs without a key: keeps what it is told, and answers questions from its notes. */
export const model = new MockLanguageModelV4({
  async doGenerate({ prompt }) {
    const last = prompt.at(-1);
    const said =
      last?.role === "user" ? last.content.map((part) => (part.type === "text" ? part.text : "")).join("") : "";
    if (said && !said.endsWith("?")) {
      const input = JSON.stringify({ text: `The user said: ${said}` });
      return {
        content: [{ type: "tool-call", toolCallId: "1", toolName: "memory_store", input }],
        finishReason: { unified: "tool-calls", raw: undefined },
        usage,
        warnings: [],
      };
    }
    const notes = prompt.flatMap(({ role, content }) =>
      role === "system" ? (String(content).match(/(?<=^> ).*/gm) ?? []) : [],
    );
    const text = said ? `My notes say: ${notes.join("; ") || "nothing"}` : "I will remember that.";
    return {
      content: [{ type: "text", text }],
      finishReason: { unified: "stop", raw: undefined },
      usage,
      warnings: [],
    };
  },
});
