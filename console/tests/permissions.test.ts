import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { strings } from "../src/strings.js";
import { type Memory, remember } from "./memory.js";
import { settled } from "./pages.js";
import { stand } from "./scenario.js";

const { app, browse, contextPage, nav } = strings;

let memory: Memory;
const scenario = stand(
  {
    keys: {
      reader: ["--permissions", "read"],
      writer: ["--permissions", "read,write"],
      "tenant administrator": ["--permissions", "tenant_admin"],
      administrator: ["--permissions", "admin"],
      mira: ["--permissions", "read,write", "--user", "mira"],
    },
  },
  async (server) => {
    memory = await remember(server.client("administrator"));
  },
);

const READING = [nav.overview, nav.search, nav.timeline, nav.browse, nav.people, nav.map];
const links: Record<string, string[]> = {
  reader: READING,
  writer: READING,
  "tenant administrator": [nav.overview, nav.operate],
  administrator: [...READING, nav.operate],
  mira: READING,
};

for (const [key, names] of Object.entries(links)) {
  // A call that the key may not make would be in the browser's log, and fail the scenario.
  scenario(`${key}: each page that is linked can be opened, and no other is linked`, async ({ page, open }) => {
    await open("/", key);
    const navigation = page.getByRole("navigation", { name: app.navigation, exact: true });
    assert.deepEqual(await navigation.getByRole("link").allTextContents(), names);
    for (const name of names) {
      await navigation.getByRole("link", { name }).click();
      await page.getByRole("heading", { level: 1, name }).waitFor();
      await settled(page);
      assert.equal(await page.getByRole("alert").count(), 0);
    }
  });
}

const buttons = (page: Page) => page.getByRole("main").getByRole("button");
const changes = [contextPage.edit, contextPage.delete, contextPage.pin, contextPage.undo, browse.add.open];

scenario("reader: nothing that changes is offered", async ({ page, open }) => {
  await open(`/context/${memory.home}`, "reader");
  for (const address of [`/context/${memory.home}`, "/browse?user_id=mira", "/people/mira"]) {
    await page.evaluate((address) => location.assign(`#${address}`), address);
    await settled(page);
    await page.getByText("Mira lives in Lisbon").first().waitFor();
    const offered = await buttons(page).allTextContents();
    assert.deepEqual(
      changes.filter((name) => offered.includes(name)),
      [],
    );
    assert.ok(!offered.some((name) => /delete|forget/i.test(name)), offered.join());
    assert.equal(await page.getByRole("article").getByRole("checkbox").count(), 0);
  }
});

scenario("writer: what changes is offered", async ({ page, open }) => {
  await open(`/context/${memory.home}`, "writer");
  for (const name of [contextPage.edit, contextPage.delete, contextPage.undo]) {
    await page.getByRole("button", { name, exact: true }).waitFor();
  }
});

scenario("a page by its address says which permission it needs", async ({ page, open }) => {
  await open("/browse", "tenant administrator");
  await page.getByText(app.noPermissionHint("read")).waitFor();
  await page.evaluate(() => location.assign("#/operate"));
  await page.getByRole("heading", { level: 1, name: nav.operate }).waitFor();
});

scenario(
  "mira: a bound key sees what is hers, and is told whose it is",
  async ({ page, server, open }) => {
    const jona = (await server.client("administrator").listContexts({ user_id: "jona" }).pages().next()).value!
      .contexts[0]!;
    await open("/browse", "mira");
    await page.getByText("Mira lives in Lisbon").first().waitFor();
    assert.equal(await page.getByText("Jona plays the cello").count(), 0);
    await page.getByRole("banner").getByText("mira", { exact: true }).waitFor();
    await page.evaluate((id) => location.assign(`#/context/${id}`), jona.id);
    await page.getByRole("alert").getByText("not_found").waitFor();
  },
  { refused: [404] },
);
