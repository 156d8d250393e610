import type { Client } from "../../clients/typescript/src/index.js";

/** Ids of what `remember` stored. */
export interface Memory {
  allergy: string;
  /** Was changed twice. */
  home: string;
  /** Replaced by another one. */
  former: string;
}

/** Stores something of every kind: levels, people, sessions, scopes, keys, documents, versions. */
export async function remember(client: Client): Promise<Memory> {
  const mira = { user_id: "mira", agent_id: "planner" };
  const { id: allergy } = await client.storeContext({
    ...mira,
    text: "Mira is allergic to peanuts",
    tags: ["health", "food"],
    metadata: { source: "chat", confirmed: true, details: { since: 2019 } },
    importance: 0.9,
    pinned: true,
  });
  const { id: home } = await client.storeContext({ ...mira, text: "Mira lives in Porto", session_id: "chat-1" });
  await client.updateContext(home, { text: "Mira lives in Lisbon", tags: ["home"] });
  await client.updateContext(home, { text: "Mira lives in Lisbon, near the river", metadata: { source: "letter" } });
  const { id: former } = await client.storeContext({ ...mira, text: "Mira works for a bakery" });
  await client.storeContexts([
    { ...mira, text: "Mira works for a library", supersedes: [former] },
    { ...mira, text: "Mira bought tickets for the tram", level: "short_term", ttl_secs: 86_400 },
    { user_id: "jona", text: "Jona plays the cello", tags: ["music"] },
    { text: "The kitchen closes at ten", scope: "org/acme/kitchen", tags: ["house"] },
    { text: "Peanuts are kept apart from other nuts in the kitchen", scope: "org/acme/kitchen", origin: "agent" },
    { text: "A page about peanuts, read by a tool", scope: "org/acme", origin: "tool", ...mira },
  ]);
  await client.storeContextByKey({ scope: "org/acme", key: "theme", text: "Acme prefers dark mode" });
  await client.storeMessages("chat-1", {
    user_id: "mira",
    messages: [
      { role: "user", content: "May I eat peanuts in Lisbon?" },
      { role: "assistant", content: "No, you are allergic to peanuts." },
      { role: "tool", tool_call_id: "c1", content: "menu: peanut soup, caldo verde" },
    ],
  });
  await client.storeDocument({
    title: "Rules of the house",
    text: "# Kitchen\n\nNo peanuts on the upper shelf.\n\n# Garden\n\nWater the tomatoes in the evening.\n",
    format: "markdown",
    scope: "org/acme",
  });
  return { allergy, home, former };
}

/** Stores as many short contexts, the last one newest. */
export async function fill(client: Client, total: number): Promise<void> {
  for (let start = 0; start < total; start += 1000) {
    const numbers = Array.from({ length: Math.min(1000, total - start) }, (_, place) => start + place);
    const { results } = await client.storeContexts(
      numbers.map((number) => ({
        text: `Note ${number} of shelf ${number % 97}`,
        user_id: `person-${number % 50}`,
        session_id: `session-${number % 200}`,
        tags: [`shelf-${number % 10}`],
      })),
    );
    const refused = results.find(({ status }) => status >= 400);
    if (refused) throw new Error(JSON.stringify(refused.error));
  }
}
