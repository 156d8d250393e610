import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContextMap } from "../../api/index.js";
import { group } from "./points.js";

const columns = (scope: number[], scopes: (string | null)[], levels = scope.map(() => 2)): ContextMap => ({
  ids: scope.map(String),
  x: scope,
  y: scope,
  levels,
  scopes,
  scope_offsets: scope,
});

test("levels keep their order and their empty groups", () => {
  const { groups, of } = group(columns([0, 0, 0], ["a"], [2, 0, 2]), "level");
  assert.deepEqual(groups, [
    { value: "immediate", count: 1 },
    { value: "short_term", count: 0 },
    { value: "long_term", count: 2 },
  ]);
  assert.deepEqual([...of], [2, 0, 2]);
});

test("the most frequent scopes come first, and contexts without one are a group", () => {
  const { groups, of } = group(columns([0, 1, 1, 2], ["a", null, "b"]), "scope");
  assert.deepEqual(groups, [
    { value: null, count: 2 },
    { value: "a", count: 1 },
    { value: "b", count: 1 },
  ]);
  assert.deepEqual([...of], [1, 0, 0, 2]);
});

test("scopes beyond the colours share the last one", () => {
  const scope = Array.from({ length: 12 }, (_, i) => i);
  const { groups, of } = group(columns(scope, scope.map(String)), "scope");
  assert.deepEqual(groups.at(-1), { value: undefined, count: 5 });
  assert.equal(groups.length, 8);
  assert.deepEqual([...of], [0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7]);
});
