import assert from "node:assert/strict";
import { test } from "node:test";
import { fit, nearest, pan, reveal, toScreen, towards, zoom } from "./frame.js";

const MAX = 65_535;
const places = { x: [0, MAX, MAX / 2, MAX / 2, 0], y: [0, 0, MAX / 2, MAX, MAX] };
const frame = fit(820, 420, 10);

test("the whole square is on the screen, inside the margin", () => {
  assert.deepEqual(toScreen(frame, 0, 0), [10, 10]);
  assert.deepEqual(toScreen(frame, MAX, MAX), [810, 410]);
});

test("the point under the pointer stays there while zooming, and the size has bounds", () => {
  const near = zoom(frame, 3, 410, 210, 820);
  assert.deepEqual(toScreen(near, MAX / 2, MAX / 2), [410, 210]);
  assert.equal(near.width, 2400);
  assert.ok(zoom(frame, 1e9, 0, 0, 820).width <= 200 * 820);
  assert.ok(zoom(frame, 1e-9, 0, 0, 820).width > 0.49 * 820);
});

test("the nearest place within the radius is hit, in any frame", () => {
  assert.equal(nearest(places, frame, 13, 12, 8), 0);
  assert.equal(nearest(places, frame, 405, 214, 8), 2);
  assert.equal(nearest(places, frame, 300, 100, 8), -1);
  assert.equal(nearest(places, pan(frame, 100, 50), 505, 264, 8), 2);
});

test("arrow keys go to the nearest place in their direction", () => {
  assert.equal(towards(places, frame, 0, 1, 0), 1);
  assert.equal(towards(places, frame, 2, 0, 1), 3);
  assert.equal(towards(places, frame, 0, 0, 1), 4);
  assert.equal(towards(places, frame, 0, -1, 0), -1);
  const below = { x: [0, 1000], y: [0, MAX] };
  assert.equal(towards(below, frame, 0, 1, 0), -1);
  assert.equal(towards(below, frame, 0, 0, 1), 1);
});

test("a place outside the screen is brought in, and one inside moves nothing", () => {
  const far = zoom(frame, 10, 0, 0, 820);
  const moved = reveal(far, MAX, MAX, 820, 420, 20);
  assert.deepEqual(toScreen(moved, MAX, MAX), [800, 400]);
  assert.deepEqual(reveal(frame, MAX / 2, MAX / 2, 820, 420, 20), frame);
});
