/** Commands of Claude's memory tool, for adapters. */
import type { Client } from "./client.js";
import type { FileCommand, FileResult } from "./schema.js";
import type { Owner } from "./turns.js";

/** Runs a command as the model wrote it, on the files of an owner. */
export function runCommand(client: Client, { userId, scope }: Owner, command: FileCommand): Promise<FileResult> {
  return client.runFileCommand({ ...command, user_id: userId, scope });
}
