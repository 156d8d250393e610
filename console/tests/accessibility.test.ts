import assert from "node:assert/strict";
import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { strings } from "../src/strings.js";
import { type Memory, remember } from "./memory.js";
import { pages, settled } from "./pages.js";
import { stand } from "./scenario.js";

const { browse, contextPage, operate, people, signIn } = strings;

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 375, height: 667 };

let memory: Memory;
const scenario = stand({}, async (server) => {
  memory = await remember(server.client());
});

for (const [name, address] of Object.entries(pages)) {
  scenario(`${name}: no serious finding, light, dark and narrow; no sideways scrolling`, async ({ page, open }) => {
    await open(address(memory));
    await settled(page);
    await inspect(page);
  });
}

const dialogs: Record<string, [address: (memory: Memory) => string, button: string]> = {
  "form of a context": [pages.context!, contextPage.edit],
  "new context": [pages.browse!, browse.add.open],
  "deletion of all that fit": [pages["filtered browse"]!, browse.bulk.open],
  "forgetting of a person": [pages.person!, people.forget.open],
  "new key": [pages.keys!, operate.keys.create],
};

for (const [name, [address, button]] of Object.entries(dialogs)) {
  scenario(`${name}: no serious finding, light, dark and narrow; no sideways scrolling`, async ({ page, open }) => {
    await open(address(memory));
    await page.getByRole("button", { name: button, exact: true }).click();
    await settled(page);
    await inspect(page);
  });
}

scenario("sign-in: no serious finding, light, dark and narrow; no sideways scrolling", async ({ page, origin }) => {
  const problem = { title: "Unauthorized", status: 401, detail: "no key", code: "unauthenticated" };
  await page.route("**/whoami", (route) =>
    route.fulfill({ status: 401, contentType: "application/problem+json", json: problem }),
  );
  await page.goto(`${origin}/console/`);
  await page.getByLabel(signIn.key).waitFor();
  await inspect(page);
});

async function inspect(page: Page): Promise<void> {
  const findings: string[] = [];
  for (const [look, colorScheme, size] of [
    ["light", "light", WIDE],
    ["dark", "dark", WIDE],
    ["narrow", "light", NARROW],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(size);
    for (const finding of await serious(page)) findings.push(`${look}: ${finding}`);
  }
  findings.push(...(await wide(page)));
  assert.ok(findings.length === 0, findings.join("\n"));
}

/** Findings of axe with the level serious or critical. */
async function serious(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(
    (): Promise<AxeResults> => (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ["violations"] }),
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => `${id} (${help}), ${nodes.length}: ${nodes[0]?.target} ${nodes[0]?.html}`);
}

/** What makes the page wider than the window. */
async function wide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    return [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => `wider than the window: ${element.outerHTML.slice(0, 200)}`);
  });
}
