/** Claude's memory tool (`memory_20250818`) on the files of a Context Manager server. */
import type { MemoryToolHandlers } from "@anthropic-ai/sdk/helpers/beta/memory";
import { ToolError } from "@anthropic-ai/sdk/lib/tools/ToolError";
import type { Client } from "./client.js";
import { runCommand } from "./files.js";
import type { FileCommand } from "./schema.js";
import type { Owner } from "./turns.js";

export type { Owner } from "./turns.js";

/** Handlers for `betaMemoryTool`. Each user and each scope has files of its own. */
export function memoryHandlers(client: Client, owner: Owner): MemoryToolHandlers {
  const run = async (command: FileCommand): Promise<string> => {
    const { result, is_error } = await runCommand(client, owner, command);
    if (is_error) throw new ToolError(result);
    return result;
  };
  return { view: run, create: run, str_replace: run, insert: run, delete: run, rename: run };
}
