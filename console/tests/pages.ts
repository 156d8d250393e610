import type { Page } from "playwright-core";
import { strings } from "../src/strings.js";
import type { Memory } from "./memory.js";

const QUESTION = encodeURIComponent("What can Mira not eat?");

/** Address of every page, with something on it. */
export const pages: Record<string, (memory: Memory) => string> = {
  overview: () => "/",
  search: () => `/search?q=${QUESTION}`,
  prompt: () => `/search?q=${QUESTION}&view=prompt&session_id=chat-1`,
  comparison: () => `/search?q=${QUESTION}&compare=1&b.mode=lexical`,
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
  ...Object.fromEntries(
    ["keys", "limits", "snapshots", "collection", "model", "log", "audit"].map((part) => [
      part,
      () => `/operate/${part}`,
    ]),
  ),
};

/** Waits until a page shows what it loaded. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForLoadState("networkidle");
  await page.getByText(strings.app.loading).first().waitFor({ state: "hidden" });
}
