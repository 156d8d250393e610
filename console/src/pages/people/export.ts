/** A person's contexts as JSON lines. */
import type { Context } from "../../api/index.js";

/** Contexts that are turned into text at once. */
const CHUNK = 500;

/** Reads all contexts and returns them as a file, one line each. `onCount` is told how many were read. */
export async function toJsonLines(contexts: AsyncIterable<Context>, onCount: (count: number) => void): Promise<Blob> {
  const parts: string[] = [];
  let chunk: string[] = [];
  let count = 0;
  for await (const context of contexts) {
    chunk.push(`${JSON.stringify(context)}\n`);
    count++;
    if (chunk.length === CHUNK) {
      parts.push(chunk.join(""));
      chunk = [];
      onCount(count);
    }
  }
  onCount(count);
  return new Blob([...parts, ...chunk], { type: "application/x-ndjson" });
}

/** A name for a file that every file system takes. */
export function fileName(kind: string, id: string, at: Date, extension: string): string {
  const safe = id
    .normalize("NFKD")
    .replace(/[^\p{ASCII}]/gu, "")
    .replace(/[^A-Za-z0-9._@-]+/g, "-");
  return `${kind}-${safe.replace(/^[-.]+|[-.]+$/g, "").slice(0, 60) || "unnamed"}-${at.toISOString().slice(0, 10)}.${extension}`;
}
