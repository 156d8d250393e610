/** Runs the client in a realm that has the web's globals and nothing of Node's, as workers do; stores, lists and prints. */
import { readFile } from "node:fs/promises";
import { createContext, type Module, SourceTextModule } from "node:vm";

const WEB = {
  fetch,
  Headers,
  AbortController,
  ReadableStream,
  TextDecoder,
  URL,
  URLSearchParams,
  setTimeout,
  clearTimeout,
};
const context = createContext({ ...WEB, url: process.argv[2], print: console.log });

async function load(specifier: string, from: { identifier: string }): Promise<Module> {
  const url = new URL(specifier, from.identifier);
  return new SourceTextModule(await readFile(url, "utf8"), { context, identifier: url.href });
}

const program = new SourceTextModule(
  `import { Client } from "./index.js";
   const client = new Client({ url });
   await client.storeContext({ text: "Workers have no process" });
   for await (const { text, id } of client.listContexts()) print(id, text);`,
  { context, identifier: new URL("../../dist/program.js", import.meta.url).href },
);
await program.link(load);
await program.evaluate();
