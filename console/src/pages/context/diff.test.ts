import assert from "node:assert/strict";
import { test } from "node:test";
import { diff, type Piece } from "./diff.js";

const side = (pieces: Piece[], dropped: Piece["kind"]) =>
  pieces.flatMap(({ kind, text }) => (kind === dropped ? [] : text)).join("");

function marked(before: string, after: string): string {
  const pieces = diff(before, after);
  assert.equal(side(pieces, "added"), before);
  assert.equal(side(pieces, "removed"), after);
  return pieces.map(({ kind, text }) => ({ same: text, removed: `[-${text}-]`, added: `{+${text}+}` })[kind]).join("");
}

test("equal texts have one piece", () => {
  assert.deepEqual(diff("the same", "the same"), [{ kind: "same", text: "the same" }]);
  assert.deepEqual(diff("", ""), []);
});

test("a changed word is removed before the new one is added", () => {
  assert.equal(
    marked("The release is on Thursday at ten.", "The release is on Tuesday at ten."),
    "The release is on [-Thursday-]{+Tuesday+} at ten.",
  );
});

test("words at both ends come and go", () => {
  assert.equal(marked("moved to Lisbon", "Ann moved to Lisbon now"), "{+Ann +}moved to Lisbon{+ now+}");
  assert.equal(marked("a b c", ""), "[-a b c-]");
});

test("two changes apart keep what stands between them", () => {
  assert.equal(
    marked("Deploy, watch the budget, tell Ann", "Build, watch the budget, tell Bob"),
    "[-Deploy-]{+Build+}, watch the budget, tell [-Ann-]{+Bob+}",
  );
});

test("a language without spaces is compared by its words, and no emoji is cut", () => {
  assert.equal(marked("会議は木曜日です", "会議は火曜日です").includes("会議"), true);
  assert.equal(marked("family 👩‍👩‍👧 trip", "family 👩‍👩‍👦 trip"), "family [-👩‍👩‍👧-]{+👩‍👩‍👦+} trip");
});

test("random edits reproduce both texts", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  const text = () => Array.from({ length: random(30) }, () => "abc"[random(3)]).join(" ");
  for (let i = 0; i < 300; i++) marked(text(), text());
});

test("texts that have nearly nothing in common are replaced as a whole, which takes no time", () => {
  const [before, after] = [text("one"), text("two")];
  assert.deepEqual(
    diff(before, after).map(({ kind }) => kind),
    ["removed", "added"],
  );

  function text(word: string): string {
    return Array.from({ length: 3000 }, (_, i) => `${word}${i}`).join(",");
  }
});
