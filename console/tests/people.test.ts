import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { strings } from "../src/strings.js";
import { remember } from "./memory.js";
import { stand } from "./scenario.js";

const { people: words, confirm } = strings;

const scenario = stand({}, async (server) => {
  await remember(server.client());
});

scenario("a person of the list has a page with what is known", async ({ page, open }) => {
  await open("/people");
  await page.getByRole("link", { name: "mira", exact: true }).first().click();
  await page.getByRole("heading", { level: 1, name: words.person }).waitFor();
  await page.getByText("Mira is allergic to peanuts").waitFor();
  await page.getByRole("link", { name: "health" }).first().waitFor();
});

scenario("a field leads to anybody by name", async ({ page, open }) => {
  await open("/people");
  await page.getByLabel(strings.context.user).fill("jona");
  await page.getByRole("button", { name: strings.app.open, exact: true }).click();
  await page.getByText("Jona plays the cello").waitFor();
  assert.match(page.url(), /#\/people\/jona$/);
});

scenario("an export has every context of the person, one a line", async ({ page, server, open }) => {
  await open("/people/mira");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: words.export }).click(),
  ]);
  assert.match(download.suggestedFilename(), /mira.*\.jsonl$/);
  const lines = (await readFile(await download.path(), "utf8")).trimEnd().split("\n");
  const texts = lines.map((line) => JSON.parse(line).text);
  const { total } = await server.client().countContexts({ filter: { user_id: "mira" }, include_superseded: true });
  assert.equal(lines.length, total);
  assert.ok(texts.includes("Mira is allergic to peanuts") && texts.includes("Mira works for a bakery"));
  assert.ok(!texts.includes("Jona plays the cello"));
});

scenario(
  "a person is forgotten once the name was typed, with a receipt that can be verified",
  async ({ page, server, open }) => {
    const client = server.client();
    await client.storeContexts([
      { user_id: "ann", text: "Ann likes figs" },
      { user_id: "ann", text: "Ann walks to work", level: "short_term" },
    ]);
    await open("/people/ann");
    await page.getByRole("button", { name: words.forget.open, exact: true }).click();
    const dialog = page.getByRole("dialog", { name: words.forget.title });
    const confirmed = dialog.getByRole("button", { name: words.forget.action, exact: true });
    assert.ok(await confirmed.isDisabled());
    await dialog.getByLabel(confirm.type("ann")).fill("ann");
    await confirmed.click();
    await page.getByRole("region", { name: words.forget.receipt }).waitFor();
    await page.getByText("Ann likes figs").waitFor({ state: "detached" });

    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: words.forget.download }).click(),
    ]);
    const receipt = JSON.parse(await readFile(await download.path(), "utf8"));
    assert.equal(receipt.deleted, 2);
    const { immediate, short_term, long_term } = receipt.levels;
    const counts = [`immediate=${immediate}`, `short_term=${short_term}`, `long_term=${long_term}`];
    const fields = ["default", "ann", receipt.receipt.time, ...counts, `derived=${receipt.derived}`];
    const hash = createHash("sha256")
      .update(fields.map((line) => `${line}\n`).join(""))
      .digest("hex");
    assert.equal(receipt.receipt.hash, hash);
    assert.equal((await client.countContexts({ filter: { user_id: "ann" } })).total, 0);
    assert.notEqual((await client.countContexts({ filter: { user_id: "mira" } })).total, 0);
  },
);
