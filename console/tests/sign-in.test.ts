import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe } from "node:test";
import { strings } from "../src/strings.js";
import { signIn, stand } from "./scenario.js";

const { app, contextPage, draft, nav, signIn: words } = strings;

describe("a server with keys", () => {
  const scenario = stand({
    keys: {
      reader: ["--permissions", "read"],
      writer: ["--permissions", "read,write"],
      leaver: ["--permissions", "read,write"],
      operator: ["--permissions", "admin"],
    },
  });

  scenario("a key opens the page that was asked for", async ({ page, open }) => {
    await open("/browse", "reader");
    await page.getByRole("heading", { level: 1, name: strings.browse.title }).waitFor();
    assert.match(page.url(), /#\/browse$/);
  });

  scenario("a wrong key is refused in the server's words, and the form stays", async ({ page, server, origin }) => {
    await page.goto(`${origin}/console/`);
    await signIn(page, "cm_wrong");
    const refusal = page.getByRole("alert");
    await refusal.getByText("unauthenticated").waitFor();
    assert.equal(await page.getByRole("navigation").count(), 0);
    await signIn(page, server.keys.reader!);
    await page.getByRole("navigation", { name: app.navigation }).waitFor();
  });

  scenario("nothing that outlives the page holds the key", async ({ page, server, open }) => {
    await open("/search?q=tea", "reader");
    const kept = await page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
    );
    const databases = await page.evaluate(() => indexedDB.databases());
    assert.ok(!kept.includes(server.keys.reader!.slice(3)), kept);
    assert.deepEqual(databases, []);
    assert.ok(!page.url().includes("cm_"));
    await page.reload();
    await page.getByLabel(words.key).waitFor();
    assert.equal(await page.getByLabel(words.key).inputValue(), "");
  });

  scenario(
    "a key that ends asks for another one, and what was typed is kept",
    async ({ page, server, open }) => {
      const operator = server.client("operator");
      const { id } = await operator.storeContext({ text: "Mira lives in Porto" });
      await open(`/context/${id}`, "leaver");
      await page.getByRole("button", { name: contextPage.edit, exact: true }).click();
      await page.getByLabel(draft.text).fill("Mira lives in Lisbon");
      const { keys } = await operator.listKeys();
      await operator.revokeKey(keys.find(({ name }) => name === "leaver")!.id);
      await page.getByRole("button", { name: app.save, exact: true }).click();

      await page.getByRole("dialog", { name: words.again }).waitFor();
      await signIn(page, server.keys.writer!);
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal(await page.getByLabel(draft.text).inputValue(), "Mira lives in Lisbon");
      await page.getByRole("button", { name: app.save, exact: true }).click();
      await page.getByRole("article", { name: contextPage.text }).getByText("Mira lives in Lisbon").waitFor();
      assert.equal((await operator.getContext(id)).text, "Mira lives in Lisbon");
    },
    { refused: [401] },
  );

  scenario("signing out hides what was shown", async ({ page, open }) => {
    await open("/browse", "reader");
    await page.getByRole("button", { name: app.signOut }).click();
    await page.getByLabel(words.key).waitFor();
    assert.equal(await page.getByRole("navigation").count(), 0);
    await page.goBack();
    assert.equal(await page.getByRole("navigation").count(), 0);
  });

  scenario("a password manager knows the field", async ({ page, origin }) => {
    await page.goto(`${origin}/console/`);
    const field = page.getByLabel(words.key);
    assert.equal(await field.getAttribute("autocomplete"), "current-password");
    assert.equal(await field.getAttribute("type"), "password");
    assert.equal(await page.locator("form input[autocomplete=username]").count(), 1);
  });
});

describe("a server without keys", () => {
  const scenario = stand();

  scenario("the console asks for no key", async ({ page, open }) => {
    await open("/");
    assert.equal(await page.getByLabel(words.key).count(), 0);
    await page.getByRole("link", { name: nav.operate }).waitFor();
    assert.equal(await page.getByRole("button", { name: app.signOut }).count(), 0);
  });
});

describe("a server with an identity provider", () => {
  const folder = mkdtempSync(join(tmpdir(), "provider-"));
  after(() => rmSync(folder, { recursive: true }));
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwks = join(folder, "jwks.json");
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1", alg: "RS256" }] }));
  const scenario = stand({
    config: `[auth.jwt]\nissuer = "https://id.example.com/"\naudience = ["memory"]\njwks_file = "${jwks}"\n`,
  });

  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  function token(claims: object): string {
    const exp = Math.floor(Date.now() / 1000) + 600;
    const body = `${part({ alg: "RS256", kid: "1" })}.${part({ iss: "https://id.example.com/", aud: "memory", exp, ...claims })}`;
    return `${body}.${sign("RSA-SHA256", Buffer.from(body), privateKey).toString("base64url")}`;
  }

  scenario("a token opens what its claims allow", async ({ page, origin }) => {
    await page.goto(`${origin}/console/#/browse`);
    await signIn(page, token({ sub: "ann", tenant: "acme", scope: "read" }));
    await page.getByRole("navigation", { name: app.navigation }).waitFor();
    await page.getByText("acme", { exact: true }).waitFor();
    assert.equal(await page.getByRole("link", { name: nav.operate }).count(), 0);
    assert.equal(await page.getByRole("button", { name: strings.browse.add.open }).count(), 0);
  });
});
