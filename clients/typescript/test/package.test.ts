import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client } from "context-manager-client";
import { needsServer, Server } from "./server.js";

const ROOT = new URL("../../", import.meta.url);
const REPOSITORY = new URL("../../", ROOT);
const json = async (path: URL) => JSON.parse(await readFile(path, "utf8"));

test("every call of the OpenAPI document has a method of its name", async () => {
  const { paths } = await json(new URL("docs/openapi.json", REPOSITORY));
  const ids: string[] = Object.values(paths).flatMap((methods) =>
    Object.values(methods as Record<string, { operationId: string }>).map(({ operationId }) => operationId),
  );
  const methods = new Set(Object.getOwnPropertyNames(Client.prototype));
  const named = ids.map((id) => id.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()));
  assert.ok(named.length > 40);
  assert.deepEqual(
    named.filter((name) => !methods.has(name)),
    [],
  );
});

test("the version is that of the API", async () => {
  const { info } = await json(new URL("docs/openapi.json", REPOSITORY));
  assert.equal((await json(new URL("package.json", ROOT))).version, info.version);
});

test("nothing is needed at run time, and only adapters import their framework", async () => {
  const { dependencies, peerDependencies } = await json(new URL("package.json", ROOT));
  assert.equal(dependencies, undefined);
  const adapters = new Set(["ai-sdk.js", "anthropic.js", "mastra.js"]);
  for (const file of (await readdir(new URL("dist", ROOT))).filter((name) => name.endsWith(".js"))) {
    const source = await readFile(new URL(`dist/${file}`, ROOT), "utf8");
    for (const [, module = ""] of source.matchAll(/^(?:im|ex)port .*?from "(.*?)";$/gms)) {
      const known = Object.keys(peerDependencies).some((name) => module === name || module.startsWith(`${name}/`));
      assert.ok(module.startsWith("./") || (adapters.has(file) && known), `${file} imports ${module}`);
    }
  }
});

test("the client needs no more than workers have", needsServer, async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const program = fileURLToPath(new URL("web-only.js", import.meta.url));
  const node = promisify(execFile);
  const { stdout } = await node(process.execPath, ["--experimental-vm-modules", program, server.url]);
  assert.match(
    stdout,
    /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12} Workers have no process\n$/,
  );
});
