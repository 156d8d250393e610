import assert from "node:assert/strict";
import { test } from "node:test";
import { people, type Sighting } from "./seen.js";

const sighting = (user_id: string | null, day: number, level: Sighting["level"] = "long_term"): Sighting => ({
  user_id,
  level,
  created_at: `2026-01-0${day}T00:00:00.000Z`,
});

test("people come by their last context, with numbers and times", () => {
  const found = people([sighting("ben", 4), sighting("ann", 3, "immediate"), sighting("ann", 2), sighting("ann", 1)]);
  assert.deepEqual(
    found.map(({ user_id, total }) => [user_id, total]),
    [
      ["ben", 1],
      ["ann", 3],
    ],
  );
  assert.deepEqual(found[1]?.contexts, { immediate: 1, long_term: 2 });
  assert.equal(found[1]?.first_activity_at, sighting(null, 1).created_at);
  assert.equal(found[1]?.last_activity_at, sighting(null, 3).created_at);
});

test("contexts of nobody name nobody", () => {
  assert.deepEqual(people([sighting(null, 1)]), []);
});
