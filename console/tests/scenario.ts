import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { strings } from "../src/strings.js";
import { DevServer } from "./dev-server.js";
import { guard, type Refused } from "./guard.js";
import { noServer, Server, type ServerOptions } from "./server.js";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const noBrowser = existsSync(CHROMIUM)
  ? undefined
  : `there is no ${CHROMIUM}: apt-get install chromium, or set CHROMIUM to the path of another Chromium`;

/** Reason for which the tests in a browser are skipped here. */
export const skip = noBrowser ?? noServer;

export interface Visit {
  page: Page;
  server: Server;
  /** Address of the server that has the console. */
  origin: string;
  /** Opens a page of the console by its address after `#`, and signs in with the key of a name. */
  open(address: string, key?: string): Promise<void>;
}

export interface ScenarioOptions extends BrowserContextOptions {
  refused?: Refused;
}

/**
 * Starts a server and a browser for the tests of a file. A test gets a page of its own, and fails if anything went wrong
 * on it, whatever the test itself looks at.
 */
export function stand(options: ServerOptions = {}, prepare?: (server: Server) => Promise<void>) {
  let server: Server;
  let dev: DevServer | undefined;
  let browser: Browser;

  before(async () => {
    if (skip) return;
    server = await Server.start(options);
    await prepare?.(server);
    if (process.env.CONSOLE_DEV) dev = await DevServer.start(server.url);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--disable-quic"] });
  });
  after(async () => {
    await browser?.close();
    dev?.stop();
    await server?.stop();
  });

  return (name: string, run: (visit: Visit) => Promise<void>, { refused = [], ...context }: ScenarioOptions = {}) =>
    test(name, { skip }, async () => {
      const tab = await browser.newContext({ reducedMotion: "reduce", ...context });
      tab.setDefaultTimeout(30_000);
      const origin = dev?.url ?? server.url;
      const faults = await guard(tab, origin, refused);
      const page = await tab.newPage();
      const open: Visit["open"] = async (address, key) => {
        await page.goto(`${origin}/console/#${address}`);
        if (key) await signIn(page, server.keys[key]!);
        await page.getByRole("navigation", { name: strings.app.navigation, exact: true }).waitFor();
      };
      try {
        await run({ page, server, origin, open });
      } catch (error) {
        await picture(page, name);
        throw faults.length ? new Error(`${(error as Error).stack}\non the page: ${faults.join("\n")}`) : error;
      } finally {
        await tab.close();
      }
      assert.ok(faults.length === 0, faults.join("\n"));
    });
}

/** Fills the form of the sign-in. */
export async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel(strings.signIn.key).fill(key);
  await page.getByRole("button", { name: strings.signIn.action }).click();
}

/** Keeps a picture of a failure, if `PICTURES` names a folder. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.PICTURES;
  if (folder) await page.screenshot({ path: join(folder, `${name.replace(/\W+/g, "-")}.png`), fullPage: true });
}
