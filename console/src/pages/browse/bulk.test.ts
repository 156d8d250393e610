import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context } from "../../api/index.js";
import { countMatches, deleteMatches, type Store } from "./bulk.js";

/** A store that records calls and holds 2,500 long-term contexts. */
function store(): Store & { calls: [string, unknown][] } {
  const calls: [string, unknown][] = [];
  return {
    calls,
    async countContexts(body) {
      calls.push(["count", body]);
      return { total: 2600, contexts: { immediate: 0, short_term: 100, long_term: 2500 } };
    },
    async *listContexts(query) {
      calls.push(["list", query]);
      for (let i = 0; i < 2500; i++) yield { id: String(i) } as Context;
    },
    async deleteContexts(which) {
      calls.push(["delete", which.ids?.length ?? which.filter]);
      return { deleted: which.ids?.length ?? 2600 };
    },
  };
}

test("replaced contexts are counted, as they are deleted too", async () => {
  const fake = store();
  assert.equal(await countMatches(fake, { tag: "todo" }), 2600);
  assert.equal(await countMatches(fake, { tag: "todo", level: "long_term" }), 2500);
  assert.deepEqual(fake.calls[0], ["count", { filter: { tags_any: ["todo"] }, include_superseded: true }]);
});

test("a filter without a level is one call", async () => {
  const fake = store();
  assert.equal(await deleteMatches(fake, { scope_prefix: "org" }, () => assert.fail()), 2600);
  assert.deepEqual(fake.calls, [["delete", { scope_prefix: "org" }]]);
});

test("a level is never widened to all levels: what it lists is deleted by ids", async () => {
  const fake = store();
  const progress: number[] = [];
  assert.equal(await deleteMatches(fake, { level: "long_term", tag: "todo" }, (n) => progress.push(n)), 2500);
  assert.deepEqual(fake.calls, [
    ["list", { level: "long_term", tag: "todo", include_superseded: true, limit: 1000 }],
    ["delete", 1000],
    ["delete", 1000],
    ["delete", 500],
  ]);
  assert.deepEqual(progress, [1000, 2000, 2500]);
});
