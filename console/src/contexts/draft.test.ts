import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context } from "../api/index.js";
import { draftOf, isObject, patchOf, readTags } from "./draft.js";

const context = {
  text: "Tea at four",
  level: "long_term",
  tags: ["todo", "home"],
  metadata: { source: "chat", nested: { a: [1] } },
  importance: 0.5,
  pinned: false,
} as unknown as Context;

test("an untouched form asks for no change", () => {
  assert.deepEqual(patchOf(context, draftOf(context)), {});
});

test("only what was edited is sent", () => {
  const draft = { ...draftOf(context), text: "Tea at five", tags: " home \n\ntodo\nhome", ttl: "60", pinned: true };
  assert.deepEqual(patchOf(context, draft), {
    text: "Tea at five",
    tags: ["home", "todo"],
    ttl_secs: 60,
    pinned: true,
  });
});

test("metadata is compared key by key, and a key that is gone is removed", () => {
  const draft = { ...draftOf(context), metadata: '{"nested": {"a": [1, 2]}, "new": null}' };
  assert.deepEqual(patchOf(context, draft), { metadata: { nested: { a: [1, 2] }, new: null, source: null } });
});

test("metadata that is no JSON object is refused before it is sent", () => {
  for (const json of ["[1]", "null", '"a"', "{a: 1}"]) assert.equal(isObject(json), false);
  assert.equal(isObject("  "), true);
});

test("all tags may be removed", () => {
  assert.deepEqual(readTags(" \n"), []);
  assert.deepEqual(patchOf(context, { ...draftOf(context), tags: "" }), { tags: [] });
});
