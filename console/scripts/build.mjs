// Builds dist; `--check` builds elsewhere and fails where dist is another.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const packages = ["diff", "preact", "@preact/signals", "@preact/signals-core", "uplot"];

/** Builds the console into an empty folder. */
export async function build(folder) {
  const { metafile } = await bundle({
    absWorkingDir: root,
    entryPoints: { app: "src/main.tsx", icon: "src/icon.svg" },
    outdir: folder,
    entryNames: "assets/[name]-[hash]",
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".svg": "copy" },
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const names = Object.keys(metafile.outputs).map((path) => path.slice(path.lastIndexOf("assets/")));
  const named = (ending) => names.find((name) => name.endsWith(ending));
  const html = await readFile(join(root, "src/index.html"), "utf8");
  const page = html
    .replace("{{icon}}", named(".svg"))
    .replace("{{style}}", named(".css"))
    .replace("{{script}}", named(".js"));
  await writeFile(join(folder, "index.html"), page);
  await writeFile(join(folder, "licenses.txt"), await licenses());
}

async function licenses() {
  const texts = packages.map(async (name) => {
    const text = await readFile(join(root, "node_modules", name, "LICENSE"), "utf8");
    return `${name}\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join("\n\n");
}

async function contents(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = files.map(async (path) => [path.slice(folder.length), await readFile(path)]);
  return new Map(await Promise.all(read));
}

async function check() {
  const folder = await mkdtemp(join(tmpdir(), "console-"));
  try {
    await build(folder);
    const [built, committed] = await Promise.all([contents(folder), contents(join(root, "dist"))]);
    const different = [...new Set([...built.keys(), ...committed.keys()])].filter(
      (path) => !built.get(path)?.equals(committed.get(path) ?? Buffer.alloc(0)),
    );
    if (different.length) {
      console.error(`dist is not that of src: npm run build\n${different.map((path) => `  dist${path}`).join("\n")}`);
      process.exitCode = 1;
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--check")) await check();
  else {
    const dist = join(root, "dist");
    await rm(dist, { recursive: true, force: true });
    await build(dist);
  }
}
