import assert from "node:assert/strict";
import test from "node:test";
import { assembleRequest, readConfig, searchRequest, setNames } from "./config.js";

test("an address without settings asks as the server's defaults are", () => {
  const config = readConfig(new URLSearchParams("q=tea"), "");
  assert.deepEqual(setNames(config), []);
  assert.deepEqual(searchRequest("tea", config), {
    query: "tea",
    explain: true,
    mode: "hybrid",
    diversity: 0,
    filter: {},
  });
});

test("a session lends its working memory; it narrows only if asked to", () => {
  const memory = searchRequest("tea", readConfig(new URLSearchParams("session_id=s"), ""));
  assert.equal(memory.session_id, "s");
  assert.deepEqual(memory.filter, {});
  const only = searchRequest("tea", readConfig(new URLSearchParams("session_id=s&only_session=1"), ""));
  assert.deepEqual(only.filter, { session_id: "s" });
});

test("the second configuration is read from its own names", () => {
  const values = new URLSearchParams("mode=dense&b.mode=lexical&b.level=immediate&b.level=long_term&b.tag=work");
  const request = assembleRequest("tea", readConfig(values, "b."));
  assert.equal(request.mode, "lexical");
  assert.deepEqual(request.levels, ["immediate", "long_term"]);
  assert.deepEqual(request.filter, { tags_any: ["work"] });
  assert.equal(request.max_tokens, 2000);
});
