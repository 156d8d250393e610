import type { Client, Event } from "context-manager-client";

/** Opens a stream, writes until it tells of a write, closes it, and returns that event. */
export async function firstEvent(client: Client): Promise<Event> {
  const events = client.streamEvents();
  let waiting = true;
  const first = events.next().finally(() => {
    waiting = false;
  });
  while (waiting) await client.storeContext({ text: `Event ${Date.now()}` });
  const { value } = await first;
  await events.return(undefined);
  if (!value) throw new Error("the stream ended");
  return value;
}
