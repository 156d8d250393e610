import assert from "node:assert/strict";
import { test } from "node:test";
import { type Filters, narrows, readFilters, requestFilter } from "./filters.js";

const read = (query: string) => readFilters(new URLSearchParams(query));

test("filters survive the address, whatever characters they hold", () => {
  const filters: Filters = {
    level: "short_term",
    user_id: "ann & bob=?#/%",
    agent_id: "<i>",
    session_id: "会議",
    scope_prefix: "org/acme",
    tag: "a+b",
    include_superseded: true,
  };
  const query = Object.entries(filters).map(([name, value]) => [name, String(value)]);
  assert.deepEqual(read(new URLSearchParams(query).toString()), filters);
});

test("blank values, other levels and other names are no filters", () => {
  assert.deepEqual(read("level=l4&user_id=%20&tag=&include_superseded=no&key=secret"), {});
});

test("replaced contexts alone do not narrow a list", () => {
  assert.equal(narrows({ include_superseded: true }), false);
  assert.equal(narrows({ level: "immediate" }), true);
  assert.equal(narrows({ tag: "x" }), true);
});

test("counting and deleting get the conditions they know, without empty ones", () => {
  assert.deepEqual(requestFilter(read("level=long_term&tag=todo&scope_prefix=org")), {
    scope_prefix: "org",
    tags_any: ["todo"],
  });
  assert.deepEqual(requestFilter({}), {});
});
