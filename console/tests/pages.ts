import type { Page } from "playwright-core";
import { strings } from "../src/strings.js";
import type { Memory } from "./memory.js";

/** Address of every page, with something on it. */
export const pages: Record<string, (memory: Memory) => string> = {
  overview: () => "/",
  search: () => "/search?q=What%20can%20Mira%20not%20eat%3F",
  context: ({ home }) => `/context/${home}`,
  "replaced context": ({ former }) => `/context/${former}`,
  browse: () => "/browse",
  "filtered browse": () => "/browse?user_id=mira&level=long_term",
  timeline: () => "/timeline",
  session: () => "/timeline/session/chat-1",
  scope: () => "/timeline/scope/org%2Facme",
  people: () => "/people",
  person: () => "/people/mira",
  map: () => "/map",
  operate: () => "/operate",
};

/** Waits until a page shows what it loaded. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForLoadState("networkidle");
  await page.getByText(strings.app.loading).first().waitFor({ state: "hidden" });
}
