import type { ContextEvent } from "./schema.js";

/** A write to the tenant's contexts, or a gap in the stream. `id` is the place to resume from. */
export type Event =
  | { kind: "stored" | "changed" | "deleted" | "expired"; id: string; context: ContextEvent }
  | { kind: "gap"; id: string };

/** Reads server-sent events. Kinds that this client does not know are left out. */
export async function* readEvents(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Event> {
  let fields: Record<string, string> = {};
  for await (const line of lines(pieces)) {
    if (line === "") {
      const event = eventOf(fields);
      fields = {};
      if (event) yield event;
      continue;
    }
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
  }
}

async function* lines(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces) {
    const parts = (rest + decoder.decode(piece, { stream: true })).split(/\r?\n/);
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

function eventOf({ event, id, data }: Record<string, string>): Event | undefined {
  if (id === undefined) return undefined;
  switch (event) {
    case "stored":
    case "changed":
    case "deleted":
    case "expired":
      return { kind: event, id, context: JSON.parse(data ?? "") as ContextEvent };
    case "gap":
      return { kind: event, id };
    default:
      return undefined;
  }
}
