import assert from "node:assert/strict";
import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { type Memory, remember } from "./memory.js";
import { pages, settled } from "./pages.js";
import { stand } from "./scenario.js";

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
  });
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
