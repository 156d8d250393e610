import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { strings } from "../src/strings.js";
import { fill, type Memory, remember } from "./memory.js";
import { stand, type Visit } from "./scenario.js";

const { browse: words, deletion, filters, draft, app } = strings;

let memory: Memory;
const scenario = stand({}, async (server) => {
  memory = await remember(server.client());
  await fill(server.client(), 300);
});

const row = (page: Page, text: string) => page.getByRole("article").filter({ hasText: text });
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const tagged = async ({ server }: Visit, tag: string) =>
  (await server.client().listContexts({ tag, limit: 1000 }).pages().next()).value?.contexts ?? [];
const total = async (visit: Visit, tag: string) => (await tagged(visit, tag)).length;

scenario("filters narrow the list, and stand in the address", async ({ page, open, origin }) => {
  await open("/browse");
  await page.getByLabel(filters.user, { exact: true }).fill("mira");
  await page.getByLabel(filters.level).selectOption("short_term");
  // What is typed counts after a pause.
  await page.waitForURL(/user_id=mira/);
  await row(page, "tickets for the tram").waitFor();
  assert.equal(await page.getByRole("article").count(), 1);
  const shared = page.url();
  await page.goto(`${origin}/console/#/`);
  await page.goto(shared);
  await row(page, "tickets for the tram").waitFor();
  assert.equal(await page.getByLabel(filters.user, { exact: true }).inputValue(), "mira");
});

scenario("a list of hundreds comes in pages", async ({ page, open }) => {
  await open("/browse");
  await row(page, "Note 299").waitFor();
  const first = await page.getByRole("article").count();
  assert.ok(first > 10 && first <= 200, `${first} rows`);
  await button(page, app.next).click();
  await row(page, "Note 299").waitFor({ state: "detached" });
  await button(page, app.previous).click();
  await row(page, "Note 299").waitFor();
});

scenario("selected contexts are deleted, unless it is taken back", async (visit) => {
  const { page, open } = visit;
  await open("/browse?tag=shelf-3");
  for (const text of ["Note 3 of", "Note 13 of"]) await row(page, text).getByRole("checkbox").check();
  await page.getByText(words.selected("2 contexts")).waitFor();
  await button(page, words.deleteSelected).click();
  await row(page, "Note 13 of").waitFor({ state: "detached" });
  await button(page, deletion.undo).click();
  await row(page, "Note 13 of").waitFor();
  assert.equal(await total(visit, "shelf-3"), 30);

  for (const text of ["Note 3 of", "Note 13 of"]) await row(page, text).getByRole("checkbox").check();
  await button(page, words.deleteSelected).click();
  const answered = page.waitForResponse(/contexts\/delete$/);
  await button(page, deletion.now).click();
  await button(page, deletion.now).waitFor({ state: "detached" });
  assert.equal(await row(page, "Note 13 of").count(), 0);
  await answered;
  assert.equal(await total(visit, "shelf-3"), 28);
});

scenario("all that fit the filters are deleted once their number was typed", async (visit) => {
  const { page, open } = visit;
  await open("/browse?tag=shelf-4");
  await button(page, words.bulk.open).click();
  const dialog = page.getByRole("dialog", { name: words.bulk.title });
  await dialog.getByText(words.bulk.question("30 contexts")).waitFor();
  const confirm = dialog.getByRole("button", { name: words.bulk.action, exact: true });
  assert.ok(await confirm.isDisabled());
  await dialog.getByLabel(strings.confirm.type("30")).fill("3");
  assert.ok(await confirm.isDisabled());
  await dialog.getByLabel(strings.confirm.type("30")).fill("30");
  await confirm.click();
  await page.getByText(words.bulk.deleted("30 contexts")).waitFor();
  await page.getByText(words.noMatch).waitFor();
  assert.equal(await total(visit, "shelf-4"), 0);
  assert.equal(await total(visit, "shelf-5"), 30);
});

scenario("a list that nothing narrows offers no deletion of everything", async ({ page, open }) => {
  await open("/browse");
  await row(page, "Note").first().waitFor();
  assert.equal(await button(page, words.bulk.open).count(), 0);
});

scenario("a context is added by hand", async (visit) => {
  const { page, open } = visit;
  await open("/browse?user_id=jona");
  await button(page, words.add.open).click();
  const dialog = page.getByRole("dialog", { name: words.add.title });
  await dialog.getByLabel(draft.text).fill("Jona has a dog");
  await dialog.getByLabel(draft.tags).fill("animals");
  await dialog.getByRole("button", { name: words.add.action, exact: true }).click();
  await page.getByRole("heading", { level: 1, name: strings.contextPage.title }).waitFor();
  const [stored] = await tagged(visit, "animals");
  assert.deepEqual([stored?.text, stored?.user_id], ["Jona has a dog", "jona"]);
  assert.match(page.url(), new RegExp(stored!.id));
});

scenario("a row leads to its context", async ({ page, open }) => {
  await open("/browse?user_id=mira&tag=health");
  await row(page, "allergic").getByRole("link", { name: strings.context.open }).click();
  await page.getByRole("article", { name: strings.contextPage.text }).waitFor();
  assert.match(page.url(), new RegExp(`#/context/${memory.allergy}`));
});

scenario("the console works behind a proxy that serves it below a path", async ({ page, origin }) => {
  const below = `${origin}/memory/`;
  const elsewhere: string[] = [];
  page.on("request", (request) => request.url().startsWith(below) || elsewhere.push(request.url()));
  await page.route(`${below}**`, (route) =>
    route.continue({ url: route.request().url().replace(below, `${origin}/`) }),
  );
  await page.goto(`${below}console/#/browse?user_id=mira&tag=health`);
  await row(page, "allergic").getByRole("link", { name: strings.context.open }).click();
  await page.getByRole("article", { name: strings.contextPage.text }).waitFor();
  assert.deepEqual(elsewhere, []);
});
