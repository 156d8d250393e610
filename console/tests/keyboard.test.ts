import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { strings } from "../src/strings.js";
import { remember } from "./memory.js";
import { stand } from "./scenario.js";

const { app, browse, contextPage, deletion, draft, nav, search, signIn } = strings;

const scenario = stand({ keys: { writer: ["--permissions", "read,write"] } }, async (server) => {
  await remember(server.client("writer"));
});

const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const title = (page: Page, name: string) => page.getByRole("heading", { level: 1, name });

scenario("a context is found, changed, deleted and kept without a pointer", async ({ page, server, origin }) => {
  await page.goto(`${origin}/console/`);
  await focused(page.getByLabel(signIn.key));
  await page.keyboard.type(server.keys.writer!);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: app.navigation, exact: true }).waitFor();

  await page.keyboard.press("/");
  await page.keyboard.type("Where does Mira live?");
  await page.keyboard.press("Enter");
  await title(page, nav.search).waitFor();
  const hit = page.getByRole("article").filter({ hasText: "Mira lives in Lisbon" }).first();
  await hit.waitFor();
  await press(page, hit.getByRole("link", { name: strings.context.open }));
  await focused(title(page, contextPage.title));

  await press(page, button(page, contextPage.edit));
  await tabTo(page, page.getByLabel(draft.text));
  await page.keyboard.press("Control+A");
  await page.keyboard.type("Mira lives in Porto again");
  await press(page, button(page, app.save));
  await page.getByRole("article", { name: contextPage.text }).getByText("Mira lives in Porto again").waitFor();

  await press(page, button(page, contextPage.delete));
  await press(page, button(page, deletion.undo));
  await page.getByRole("article", { name: contextPage.text }).waitFor();
});

scenario("the first stop of the page leads past the navigation", async ({ page, open }) => {
  await open("/", "writer");
  const skip = page.getByRole("link", { name: app.skip });
  await tabTo(page, skip, "Shift+Tab");
  assert.equal(
    await page
      .locator("a, button, input")
      .first()
      .evaluate((first) => first === document.activeElement),
    true,
  );
  await page.keyboard.press("Enter");
  await focused(page.getByRole("main"));
});

scenario(
  "a page that was opened has the focus on its heading, that of the search on its field",
  async ({ page, open }) => {
    await open("/", "writer");
    for (const name of [nav.browse, nav.people, nav.timeline, nav.map, nav.search, nav.overview]) {
      const link = page.getByRole("navigation", { name: app.navigation, exact: true }).getByRole("link", { name });
      await link.focus();
      await page.keyboard.press("Enter");
      await focused(name === nav.search ? page.getByLabel(search.question) : title(page, name));
    }
  },
);

scenario("a dialog keeps the focus and gives it back", async ({ page, open }) => {
  await open("/browse", "writer");
  await press(page, button(page, browse.add.open));
  const dialog = page.getByRole("dialog", { name: browse.add.title });
  await dialog.waitFor();
  for (let stop = 0; stop < 30; stop++) {
    await page.keyboard.press("Tab");
    const outside = await page.evaluate(() => {
      const active = document.activeElement;
      return active !== document.body && !active?.closest("dialog") ? active?.outerHTML : undefined;
    });
    assert.equal(outside, undefined);
  }
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await focused(button(page, browse.add.open));
});

/** Goes to a control by Tab and presses it. */
async function press(page: Page, control: Locator): Promise<void> {
  await tabTo(page, control);
  await page.keyboard.press("Enter");
}

/** Goes to a control by Tab, or backwards; every stop on the way must be seen to have the focus. */
async function tabTo(page: Page, control: Locator, key = "Tab"): Promise<void> {
  await control.waitFor();
  for (let stop = 0; stop < 150; stop++) {
    if (await control.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
    assert.equal(await page.evaluate(unmarked), undefined, "the focus is not seen");
  }
  assert.fail(`${key} does not lead to ${control}`);
}

/** The element that has the focus without a mark of it. */
function unmarked(): string | undefined {
  const active = document.activeElement;
  if (!active || active === document.body) return undefined;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(active);
  const marked = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
  return marked ? undefined : active.outerHTML.slice(0, 200);
}

async function focused(element: Locator): Promise<void> {
  await element.and(element.page().locator(":focus")).waitFor();
}
