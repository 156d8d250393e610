import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { strings } from "../src/strings.js";
import { stand, type Visit } from "./scenario.js";

const { contextPage: words, draft, deletion, app, levels } = strings;

const scenario = stand();

/** Stores a context and opens its page. */
async function context({ server, open }: Visit, text: string): Promise<string> {
  const { id } = await server.client().storeContext({ text, user_id: "mira" });
  await open(`/context/${id}`);
  return id;
}

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const article = (page: Page) => page.getByRole("article", { name: words.text });
const reads = (page: Page, text: string) => article(page).getByText(text, { exact: true }).waitFor();

scenario("an edit changes text, tags and metadata, and undo takes it back", async (visit) => {
  const { page, server } = visit;
  const id = await context(visit, "Mira lives in Porto");
  await button(page, words.edit).click();
  await page.getByLabel(draft.text).fill("Mira lives in Lisbon");
  await page.getByLabel(draft.tags).fill("home\ncity");
  await page.getByLabel(draft.metadata).fill('{"source": "letter"}');
  await button(page, app.save).click();
  await reads(page, "Mira lives in Lisbon");
  const { text, tags, metadata } = await server.client().getContext(id);
  assert.deepEqual([text, tags, metadata], ["Mira lives in Lisbon", ["home", "city"], { source: "letter" }]);

  await page.getByRole("deletion").getByText("Porto").waitFor();
  await button(page, words.undo).click();
  await reads(page, "Mira lives in Porto");
  assert.equal((await server.client().getContext(id)).text, "Mira lives in Porto");
});

scenario(
  "an edit that the server refuses stays in the form, with the server's words",
  async (visit) => {
    const { page } = visit;
    await context(visit, "Mira plays chess");
    await button(page, words.edit).click();
    await page.getByLabel(draft.text).fill("   ");
    await button(page, app.save).click();
    const refusal = page.getByRole("alert");
    await refusal.getByText("must not be empty or blank").first().waitFor();
    await refusal.getByText("invalid_request").waitFor();
    assert.equal(await page.getByLabel(draft.text).inputValue(), "   ");
  },
  { refused: [400] },
);

scenario("pinning and moving to another level", async (visit) => {
  const { page, server } = visit;
  const id = await context(visit, "Mira swims on Mondays");
  await button(page, words.pin).click();
  await button(page, words.unpin).waitFor();
  await button(page, levels.short_term).click();
  await page.getByText(words.moved(levels.short_term)).waitFor();
  const { pinned, level } = await server.client().getContext(id);
  assert.deepEqual([pinned, level], [true, "short_term"]);
});

scenario("a deletion can be taken back until it happens", async (visit) => {
  const { page, server } = visit;
  const id = await context(visit, "Mira sings in a choir");
  await button(page, words.delete).click();
  await page.getByText(words.deleted).waitFor();
  await button(page, deletion.undo).click();
  await reads(page, "Mira sings in a choir");
  await server.client().getContext(id);

  await button(page, words.delete).click();
  await button(page, deletion.now).click();
  await button(page, deletion.now).waitFor({ state: "detached" });
  await gone(visit, id);
});

scenario("a deletion happens by itself after a while", async (visit) => {
  const { page, server } = visit;
  await page.clock.install();
  const id = await context(visit, "Mira collects stamps");
  await button(page, words.delete).click();
  await page.getByText(words.deleted).waitFor();
  await server.client().getContext(id);
  await page.clock.runFor(9_000);
  await button(page, deletion.undo).waitFor({ state: "detached" });
  await gone(visit, id);
});

scenario("a deletion that waits happens when the page is closed", async (visit) => {
  const { page } = visit;
  const id = await context(visit, "Mira keeps bees");
  await button(page, words.delete).click();
  await page.getByText(words.deleted).waitFor();
  await page.goto("about:blank");
  await gone(visit, id);
});

scenario(
  "a context that is not there is reported in the server's words",
  async ({ page, open }) => {
    await open("/context/0198c5a2-7d10-7c3e-9a51-5d2f0c6b1e01");
    await page.getByRole("alert").getByText("not_found").waitFor();
  },
  { refused: [404] },
);

/** Waits until the server has the context no more. */
async function gone({ server, page }: Visit, id: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const found = await server
      .client()
      .getContext(id)
      .catch((error) => error.status);
    if (found === 404) return;
    await page.waitForTimeout(100);
  }
  assert.fail(`${id} is still there`);
}
