/** The assembled prompt cut at its citations, whose offsets count bytes. */
import type { Citation } from "../../api/index.js";

export interface Piece {
  text: string;
  /** Place of the citation that the text is of, from 1. */
  number?: number;
  citation?: Citation;
}

export function pieces(prompt: string, citations: readonly Citation[]): Piece[] {
  const bytes = new TextEncoder().encode(prompt);
  const decoder = new TextDecoder();
  const cut = (start: number, end: number) => decoder.decode(bytes.subarray(start, end));
  const result: Piece[] = [];
  let at = 0;
  for (const [place, citation] of citations.entries()) {
    if (citation.start > at) result.push({ text: cut(at, citation.start) });
    result.push({ text: cut(citation.start, citation.end), number: place + 1, citation });
    at = citation.end;
  }
  if (at < bytes.length) result.push({ text: cut(at, bytes.length) });
  return result;
}
