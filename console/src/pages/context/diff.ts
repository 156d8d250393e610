/** Differences between two texts, by words as their language has them. */
export interface Piece {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Most words that may differ before the differing middle is shown as replaced as a whole: time and memory grow with the square. */
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

/** The shortest script of edits (Myers, 1986), or the replacement of all words where it is too long to look for. */
function edits(a: string[], b: string[]): Piece[] {
  const rounds: Map<number, number>[] = [];
  let furthest = new Map([[1, 0]]);
  for (let d = 0; d <= Math.min(a.length + b.length, MAX_EDITS); d++) {
    rounds.push(furthest);
    const next = new Map<number, number>();
    for (let k = -d; k <= d; k += 2) {
      let x = step(furthest, k, d);
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      next.set(k, x);
      if (x >= a.length && x - k >= b.length) return trace(rounds, a, b);
    }
    furthest = next;
  }
  return [
    ...a.map((text) => ({ kind: "removed" as const, text })),
    ...b.map((text) => ({ kind: "added" as const, text })),
  ];
}

/** Words of `a` passed when the diagonal `k` is entered in round `d`: by an addition from `k + 1`, or by a removal from `k - 1`. */
function step(furthest: Map<number, number>, k: number, d: number): number {
  return isAddition(furthest, k, d) ? furthest.get(k + 1)! : furthest.get(k - 1)! + 1;
}

function isAddition(furthest: Map<number, number>, k: number, d: number): boolean {
  return k === -d || (k !== d && furthest.get(k - 1)! < furthest.get(k + 1)!);
}

/** The way back from the end of both texts through the rounds. */
function trace(rounds: Map<number, number>[], a: string[], b: string[]): Piece[] {
  const pieces: Piece[] = [];
  let x = a.length;
  let y = b.length;
  for (let d = rounds.length - 1; d >= 0; d--) {
    const furthest = rounds[d]!;
    const added = isAddition(furthest, x - y, d);
    const from = step(furthest, x - y, d);
    while (x > from) pieces.push({ kind: "same", text: a[--x]! }) && y--;
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
