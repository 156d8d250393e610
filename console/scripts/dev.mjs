// Serves the console under /console, and everything else from a running server:
//
//   npm run dev -- http://127.0.0.1:8080 [--port 8090] [--watch]
//
// It serves dist; with --watch it builds src anew for each load of the page.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { port: { type: "string", default: "0" }, watch: { type: "boolean", default: false } },
});
const server = new URL(positionals[0] ?? "http://127.0.0.1:8080");
const dist = fileURLToPath(new URL("../dist", import.meta.url));
let folder = dist;

const listener = createServer((incoming, outgoing) => {
  const { pathname } = new URL(incoming.url, "http://localhost");
  if (pathname === "/console") return void outgoing.writeHead(308, { location: "console/" }).end();
  if (pathname.startsWith("/console/")) return void serve(pathname.slice("/console/".length), outgoing);
  forward(incoming, outgoing);
});

async function serve(path, outgoing) {
  try {
    if (values.watch && path === "") await rebuild();
    const name = path === "" ? "index.html" : path;
    if (name.includes("..")) throw new Error("a path out of the folder");
    const body = await readFile(join(folder, name));
    outgoing.writeHead(200, { ...HEADERS, "content-type": TYPES[extname(name)] }).end(body);
  } catch (error) {
    outgoing.writeHead(404, { "content-type": "text/plain" }).end(String(error));
  }
}

async function rebuild() {
  const next = await mkdtemp(join(tmpdir(), "console-"));
  await build(next);
  if (folder !== dist) await rm(folder, { recursive: true });
  folder = next;
}

function forward(incoming, outgoing) {
  const { method, url, headers } = incoming;
  const onward = request({ hostname: server.hostname, port: server.port, path: url, method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on("error", (error) => {
    if (!outgoing.headersSent) outgoing.writeHead(502, { "content-type": "text/plain" });
    outgoing.end(`no connection to ${server.origin} (${error.code})`);
  });
  outgoing.on("close", () => onward.destroy());
  incoming.pipe(onward);
}

listener.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${listener.address().port}/console/ (API of ${server.origin})`);
});
