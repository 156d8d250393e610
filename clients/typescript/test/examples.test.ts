import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { needsServer, Server } from "./server.js";

const EXAMPLES = fileURLToPath(new URL("../../../../examples/", import.meta.url));

for (const name of ["typescript", "ai-sdk"]) {
  const folder = EXAMPLES + name;
  const needsPackages = existsSync(`${folder}/node_modules`) ? {} : { skip: `npm ci in examples/${name}` };
  test(`examples/${name} recalls on Friday what was said on Monday`, {
    ...needsPackages,
    ...needsServer,
  }, async (t) => {
    const server = await Server.start();
    t.after(() => server.stop());
    const env = { ...process.env, CONTEXT_MANAGER_URL: server.url };
    const { stdout } = await promisify(execFile)("npm", ["start", "--silent"], { cwd: folder, env });
    assert.match(stdout, /^Friday: My notes say: .*I am allergic to peanuts/m);
  });
}
