/** Differences between two texts, by words as their language has them. */
export interface Piece {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Most words that may differ: beyond it, what differs is shown as replaced as a whole, as time grows with the square. */
const MAX_EDITS = 1000;

/** The pieces of both texts in reading order; what was removed stands before what was added in its place. */
export function diff(before: string, after: string): Piece[] {
  const a = words(before);
  const b = words(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const middle = edits(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return join([
    ...a.slice(0, start).map((text) => ({ kind: "same" as const, text })),
    ...middle,
    ...a.slice(a.length - end).map((text) => ({ kind: "same" as const, text })),
  ]);
}

function words(text: string): string[] {
  return Array.from(new Intl.Segmenter(undefined, { granularity: "word" }).segment(text), ({ segment }) => segment);
}

/**
 * The shortest script of edits (Myers, 1986), or the replacement of all words where it is too long to look for.
 *
 * Round `d` finds how many words of `a` can be passed on each diagonal `k` (words passed of `a` less those of `b`) with
 * `d` edits. `furthest[k + MIDDLE]` holds that number.
 */
function edits(a: string[], b: string[]): Piece[] {
  const rounds: Int32Array[] = [];
  const furthest = new Int32Array(2 * MIDDLE + 1);
  for (let d = 0; d <= Math.min(a.length + b.length, MAX_EDITS); d++) {
    rounds.push(furthest.slice());
    const before = rounds[d]!;
    for (let k = -d; k <= d; k += 2) {
      let x = entry(before, k, d);
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      furthest[k + MIDDLE] = x;
      if (x >= a.length && x - k >= b.length) return trace(rounds, a, b);
    }
  }
  return [
    ...a.map((text) => ({ kind: "removed" as const, text })),
    ...b.map((text) => ({ kind: "added" as const, text })),
  ];
}

const MIDDLE = MAX_EDITS + 1;

/** Words of `a` that are passed when round `d` enters a diagonal. */
function entry(before: Int32Array, k: number, d: number): number {
  return comesByAddition(before, k, d) ? before[k + 1 + MIDDLE]! : before[k - 1 + MIDDLE]! + 1;
}

function comesByAddition(before: Int32Array, k: number, d: number): boolean {
  return k === -d || (k !== d && before[k - 1 + MIDDLE]! < before[k + 1 + MIDDLE]!);
}

/** The way back from the end of both texts through the rounds. */
function trace(rounds: Int32Array[], a: string[], b: string[]): Piece[] {
  const pieces: Piece[] = [];
  let x = a.length;
  let y = b.length;
  for (let d = rounds.length - 1; d >= 0; d--) {
    const before = rounds[d]!;
    const added = comesByAddition(before, x - y, d);
    const from = entry(before, x - y, d);
    while (x > from) {
      pieces.push({ kind: "same", text: a[--x]! });
      y--;
    }
    if (d === 0) break;
    if (added) pieces.push({ kind: "added", text: b[--y]! });
    else pieces.push({ kind: "removed", text: a[--x]! });
  }
  return pieces.reverse();
}

/** Joins neighbours of one kind; between two unchanged pieces, what was removed comes before what was added. */
function join(pieces: Piece[]): Piece[] {
  const joined: Piece[] = [];
  let removed = "";
  let added = "";
  const flush = () => {
    if (removed) joined.push({ kind: "removed", text: removed });
    if (added) joined.push({ kind: "added", text: added });
    removed = added = "";
  };
  for (const { kind, text } of pieces) {
    if (kind === "removed") removed += text;
    else if (kind === "added") added += text;
    else {
      flush();
      const last = joined.at(-1);
      if (last?.kind === "same") last.text += text;
      else joined.push({ kind, text });
    }
  }
  flush();
  return joined;
}
