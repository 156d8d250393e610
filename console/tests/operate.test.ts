import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { strings } from "../src/strings.js";
import { remember } from "./memory.js";
import { stand } from "./scenario.js";

const { operate: words, confirm, app } = strings;

const scenario = stand({ keys: { operator: ["--permissions", "admin"] } }, async (server) => {
  await remember(server.client("operator"));
});

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

scenario("a key is created, shown once, and revoked", async ({ page, server, open }) => {
  await open("/operate/keys", "operator");
  await button(page, words.keys.create).click();
  const form = page.getByRole("dialog", { name: words.keys.createTitle });
  await form.getByLabel(words.keys.name, { exact: true }).fill("importer");
  await form.getByLabel(words.keys.names.write, { exact: true }).uncheck();
  await form.getByRole("button", { name: words.keys.create }).click();
  const shown = page.getByRole("dialog", { name: words.keys.created });
  const key = await shown.getByLabel(words.keys.key, { exact: true }).inputValue();
  await shown.getByRole("button", { name: words.keys.kept }).click();

  const call = (path: string) => fetch(`${server.url}/api/v1/${path}`, { headers: { "x-api-key": key } });
  assert.deepEqual((await (await call("whoami")).json()).permissions, ["read"]);
  const row = page.getByRole("row").filter({ hasText: "importer" });
  await row.getByText(words.keys.states.valid).waitFor();
  assert.ok(!(await page.content()).includes(key));

  await row.getByRole("button", { name: words.keys.revoke }).click();
  await page
    .getByRole("dialog", { name: words.keys.revokeTitle })
    .getByRole("button", { name: words.keys.revoke })
    .click();
  await row.getByText(words.keys.states.revoked).waitFor();
  assert.equal((await call("whoami")).status, 401);
});

scenario("markup in the name of a key is shown as text", async ({ page, server, open }) => {
  const name = `<img src="x" class="injected" onerror="alert(1)">`;
  await server.client("operator").createKey({ tenant: "default", permissions: ["read"], name });
  await open("/operate/keys", "operator");
  await page.getByText(name).waitFor();
  assert.equal(await page.locator(".injected").count(), 0);
});

scenario("a snapshot is made, verified, and restored once its name was typed", async ({ page, server, open }) => {
  const client = server.client("operator");
  await open("/operate/snapshots", "operator");
  await button(page, words.snapshots.make).click();
  const row = page.getByRole("row").filter({ has: page.getByRole("button", { name: words.snapshots.restore }) });
  await row.waitFor();
  await row.getByRole("button", { name: words.snapshots.verify }).click();
  await page.getByText("is undamaged").waitFor();

  const { id } = await client.storeContext({ text: "Stored after the snapshot" });
  const { snapshots } = await client.listSnapshots();
  const name = snapshots[0]!.name;
  await row.getByRole("button", { name: words.snapshots.restore }).click();
  const dialog = page.getByRole("dialog", { name: words.snapshots.restoreTitle });
  const restore = dialog.getByRole("button", { name: words.snapshots.restore });
  assert.ok(await restore.isDisabled());
  await dialog.getByLabel(confirm.type(name)).fill(name);
  await restore.click();
  await page.getByText(`The store is that of ${name}`).waitFor();
  await assert.rejects(client.getContext(id), { status: 404 });
});

scenario("a dry run tells what a collection would do", async ({ page, server, open }) => {
  await server.client("operator").storeContext({ text: "Gone in a second", ttl_secs: 1 });
  await page.waitForTimeout(1_500);
  await open("/operate/collection", "operator");
  await button(page, words.collection.dryRun).click();
  await page.getByText(words.collection.would).waitFor();
  await page.getByRole("table", { name: words.collection.counts }).getByText(words.collection.actions.delete).waitFor();
  await button(page, words.collection.run).click();
  await page.getByRole("dialog").getByRole("button", { name: words.collection.run }).click();
  await page.getByText(words.collection.did).waitFor();
});

scenario(
  "a filter of the log that the server refuses is reported in its words",
  async ({ page, open }) => {
    await open("/operate/log", "operator");
    await page.getByLabel(words.log.filter).fill("info,=what=");
    await button(page, app.save).click();
    await page.getByRole("alert").getByText("invalid_request").waitFor();
    await page.getByLabel(words.log.filter).fill("warn");
    await button(page, app.save).click();
    await page.getByText(words.log.saved).waitFor();
  },
  { refused: [400] },
);

scenario("the audit tells who deleted what", async ({ page, server, open }) => {
  const client = server.client("operator");
  const { id } = await client.storeContext({ text: "Soon gone" });
  await client.deleteContext(id);
  await open("/operate/audit", "operator");
  const record = page.getByRole("row").filter({ hasText: id });
  await record.getByText("delete_context", { exact: true }).waitFor();
});
