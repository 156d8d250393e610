// Writes src/schema.ts (types) and src/routes.ts (methods and paths) from the OpenAPI document; `--check` compares instead.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const HEADER = "// Generated from docs/openapi.json by `npm run generate`.\n";
const document = JSON.parse(await readFile(new URL("../../../docs/openapi.json", import.meta.url), "utf8"));
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

const routes = operations
  .map(({ path, method, operation }) => `  ${operation.operationId}: { method: "${method}", path: "${path}" },\n`)
  .sort();

// Errors have classes of their own; in the types they would be most of the file.
for (const { operation } of operations) {
  for (const status of Object.keys(operation.responses)) {
    if (!status.startsWith("2")) delete operation.responses[status];
  }
}
const schema = await openapiTS(document, {
  rootTypes: true,
  rootTypesNoSchemaPrefix: true,
  emptyObjectsUnknown: true,
  silent: true,
});

const files = {
  "schema.ts": HEADER + astToString(schema),
  "routes.ts": `${HEADER}export const routes = {\n${routes.join("")}} as const;\n`,
};
for (const [name, text] of Object.entries(files)) {
  const url = new URL(`../src/${name}`, import.meta.url);
  if (!process.argv.includes("--check")) await writeFile(url, text);
  else if ((await readFile(url, "utf8")) !== text) {
    console.error(`src/${name} is not that of docs/openapi.json: npm run generate`);
    process.exitCode = 1;
  }
}
