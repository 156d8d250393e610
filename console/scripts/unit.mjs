// Runs the tests that stand beside the modules of src, each bundled by itself.
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const folder = await mkdtemp(join(tmpdir(), "console-"));
try {
  await build({
    absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
    entryPoints: ["src/**/*.test.ts"],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: "inline",
    logLevel: "warning",
  });
  const tests = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(".mjs"));
  const paths = tests.map((path) => join(folder, path));
  process.exitCode =
    spawnSync(process.execPath, ["--enable-source-maps", "--test", ...paths], { stdio: "inherit" }).status ?? 1;
} finally {
  await rm(folder, { recursive: true });
}
