import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context } from "../../api/index.js";
import { fileName, toJsonLines } from "./export.js";

async function* contexts(n: number) {
  for (let i = 0; i < n; i++) yield { id: String(i), text: `line\n${i} "é" \u2028` } as Context;
}

test("each context is one line that reads back as it was", async () => {
  const counts: number[] = [];
  const lines = (await (await toJsonLines(contexts(1203), (n) => counts.push(n))).text()).split("\n");
  assert.equal(lines.pop(), "");
  assert.equal(lines.length, 1203);
  assert.deepEqual(JSON.parse(lines[700]!), { id: "700", text: 'line\n700 "é" \u2028' });
  assert.deepEqual(counts, [500, 1000, 1203]);
});

test("a person without contexts has an empty file", async () => {
  assert.equal((await toJsonLines(contexts(0), () => {})).size, 0);
});

test("a name of a file has no path, no markup and no leading dot", () => {
  const at = new Date("2026-11-28T10:00:00Z");
  assert.equal(fileName("contexts", "../../etc/<b>Zoë</b>", at, "jsonl"), "contexts-etc-b-Zoe-b-2026-11-28.jsonl");
  assert.equal(fileName("receipt", "会議", at, "json"), "receipt-unnamed-2026-11-28.json");
});
