import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context } from "../../api/index.js";
import { facets } from "./facets.js";

test("the most frequent values come first, and those that are absent do not count", () => {
  const contexts = [["b", "a"], ["b"], [], ["c", "a", "d"]].map(
    (tags) => ({ tags, scope: null }) as unknown as Context,
  );
  assert.deepEqual(
    facets(contexts, ({ tags }) => tags, 3),
    [
      { value: "a", count: 2 },
      { value: "b", count: 2 },
      { value: "c", count: 1 },
    ],
  );
  assert.deepEqual(
    facets(contexts, ({ scope }) => [scope], 3),
    [],
  );
});
