import assert from "node:assert/strict";
import test from "node:test";
import type { Citation } from "../../api/index.js";
import { pieces } from "./citations.js";

const bytes = (text: string) => new TextEncoder().encode(text).length;

function cite(prompt: string, ...texts: string[]): Citation[] {
  return texts.map((text) => {
    const start = bytes(prompt.slice(0, prompt.indexOf(text)));
    return { id: text, level: "long_term", score: 1, start, end: start + bytes(text) };
  });
}

test("citations are found behind characters of several bytes", () => {
  const prompt = "Notes 📝:\n> Ann trinkt grünen Tee.\n> مرحبا\nEnd";
  const cut = pieces(prompt, cite(prompt, "Ann trinkt grünen Tee.", "مرحبا"));
  assert.deepEqual(
    cut.map(({ text, number }) => [text, number]),
    [
      ["Notes 📝:\n> ", undefined],
      ["Ann trinkt grünen Tee.", 1],
      ["\n> ", undefined],
      ["مرحبا", 2],
      ["\nEnd", undefined],
    ],
  );
});

test("all pieces together are the prompt", () => {
  const prompt = "Ann moved to Porto.";
  assert.equal(pieces(prompt, cite(prompt, prompt)).length, 1);
  assert.equal(
    pieces(prompt, cite(prompt, "moved"))
      .map(({ text }) => text)
      .join(""),
    prompt,
  );
  assert.deepEqual(pieces("", []), []);
});
