import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { settled } from "./pages.js";
import { stand } from "./scenario.js";

/** Text of a field that would run, fetch or turn the page around if it were taken for anything but text. */
const hostile = (field: string) =>
  `${field} <img src="x" class="injected" onerror="alert(1)"><script>alert(2)</script>`;
/** What a reader sees of it; the rest may be cut off or wrapped. */
const shown = (field: string) => `${field} <img src="x"`;

let ids: { plain: string; part: string };
const scenario = stand({}, async (server) => {
  const client = server.client();
  const person = { user_id: hostile("user"), agent_id: hostile("agent"), session_id: hostile("session") };
  const { id: plain } = await client.storeContext({
    ...person,
    text: `${hostile("text")}\u202egnp.exe\u0007 javascript:alert(3)`,
    scope: "org/acme",
    key: hostile("key"),
    tags: [hostile("tag")],
    metadata: { [hostile("name")]: hostile("value"), link: "javascript:alert(4)", list: [{ deep: hostile("deep") }] },
  });
  await client.updateContext(plain, { text: hostile("changed text") });
  await client.storeMessages(person.session_id, {
    user_id: person.user_id,
    messages: [
      { role: "user", content: hostile("message") },
      { role: "assistant", content: [{ type: "text", text: hostile("content part") }] },
      { role: "tool", tool_call_id: "c1", content: hostile("tool result") },
    ],
  });
  await client.storeDocument({
    title: hostile("title"),
    text: `# ${hostile("heading")}\n\n${hostile("part")}\n`,
    format: "markdown",
    user_id: person.user_id,
  });
  await client.deleteContexts({ filter: { user_id: hostile("filter"), tags_any: [hostile("tag of a filter")] } });
  const { contexts } = await client.searchContexts({ query: "part heading", filter: { user_id: person.user_id } });
  const part = contexts.find(({ document_id }) => document_id)!.id;
  ids = { plain, part };
});

const encoded = encodeURIComponent;
const pages: [page: string, address: () => string, fields: string[]][] = [
  [
    "context",
    () => `/context/${ids.plain}`,
    ["changed text", "key", "tag", "name", "value", "user", "agent", "session"],
  ],
  ["part of a document", () => `/context/${ids.part}`, ["part", "heading", "user"]],
  ["list", () => "/browse", ["changed text", "tag", "user", "agent", "session"]],
  [
    "filtered list",
    () => `/browse?user_id=${encoded(hostile("user"))}&tag=${encoded(hostile("tag"))}`,
    ["changed text"],
  ],
  ["search", () => `/search?q=${encoded(hostile("changed text"))}`, ["changed text", "tag"]],
  ["timeline of a session", () => `/timeline/session/${encoded(hostile("session"))}`, ["message", "content part"]],
  ["timeline of a scope", () => "/timeline/scope/org%2Facme", ["changed text"]],
  ["list of sessions", () => "/timeline", ["session"]],
  ["people", () => "/people", ["user"]],
  ["person", () => `/people/${encoded(hostile("user"))}`, ["user", "changed text"]],
  ["map", () => "/map", []],
  ["audit", () => "/operate/audit", []],
];

for (const [name, address, fields] of pages) {
  scenario(`${name}: markup in what is stored is shown as text`, async ({ page, open }) => {
    await open(address());
    await settled(page);
    for (const field of fields) await page.getByText(shown(field)).first().waitFor();
    await nothingRan(page);
  });
}

scenario(
  "markup in an address is shown as text",
  async ({ page, open }) => {
    for (const path of ["context", "people", "timeline/session", "timeline/scope", "operate", "nowhere"]) {
      await open(`/${path}/${encoded(hostile("address"))}`);
      await settled(page);
      await nothingRan(page);
    }
  },
  { refused: [400, 404] },
);

/** Fails if a text became an element or a link of its own. The scenario itself fails if a script or the policy complains. */
async function nothingRan(page: Page): Promise<void> {
  assert.equal(await page.locator(".injected").count(), 0);
  assert.equal(await page.locator("a[href^='javascript:']").count(), 0);
}
