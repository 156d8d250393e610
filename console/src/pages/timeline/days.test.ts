import assert from "node:assert/strict";
import { test } from "node:test";
import { byDay } from "./days.js";

test("a day begins at midnight where the reader is", () => {
  process.env.TZ = "America/Los_Angeles";
  const noon = new Date(2026, 10, 28, 12);
  const at = (hours: number) => ({ created_at: new Date(noon.getTime() + hours * 3_600_000).toISOString() });
  assert.deepEqual(
    byDay([at(11), at(-11), at(-13), at(-40)]).map(({ date, items }) => [date, items.length]),
    [
      ["2026-11-28", 2],
      ["2026-11-27", 1],
      ["2026-11-26", 1],
    ],
  );
  assert.deepEqual(byDay([]), []);
});
