/** Differences between two texts, by words as their language has them. */
import { diffArrays } from "diff";

export interface Piece {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Most words that may differ before a text is shown as replaced as a whole: time and memory grow with the square. */
const MAX_EDITS = 1000;

/** The pieces of both texts in reading order; what was removed stands before what was added in its place. */
export function diff(before: string, after: string): Piece[] {
  const changes = diffArrays(words(before), words(after), { maxEditLength: MAX_EDITS }) ?? [
    { value: [before], removed: true, added: false },
    { value: [after], removed: false, added: true },
  ];
  return changes.map(({ value, removed, added }) => ({
    kind: removed ? "removed" : added ? "added" : "same",
    text: value.join(""),
  }));
}

function words(text: string): string[] {
  return Array.from(new Intl.Segmenter(undefined, { granularity: "word" }).segment(text), ({ segment }) => segment);
}
