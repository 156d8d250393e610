/** The form in which a context is edited, and the change that it asks for. */
import type { Body, Context, Level } from "../api/index.js";

export interface Draft {
  text: string;
  level: Level;
  /** Tags, one a line. */
  tags: string;
  /** A JSON object. */
  metadata: string;
  /** A number from 0 to 1. */
  importance: string;
  pinned: boolean;
  /** Seconds until it expires, counted from the change; empty to keep its end. */
  ttl: string;
}

export type Patch = Body<"update_context">;

/** The values of a context as the form shows them. */
export function draftOf(context: Context): Draft {
  return {
    text: context.text,
    level: context.level,
    tags: context.tags.join("\n"),
    metadata: JSON.stringify(context.metadata, null, 2),
    importance: String(context.importance),
    pinned: context.pinned,
    ttl: "",
  };
}

/** What differs from the context; keys of metadata that are gone are removed. */
export function patchOf(context: Context, draft: Draft): Patch {
  const patch: Patch = {};
  if (draft.text !== context.text) patch.text = draft.text;
  if (draft.level !== context.level) patch.level = draft.level;
  const tags = readTags(draft.tags);
  if (!same(tags, context.tags)) patch.tags = tags;
  const metadata = changed(context.metadata, readObject(draft.metadata));
  if (Object.keys(metadata).length) patch.metadata = metadata;
  if (Number(draft.importance) !== context.importance) patch.importance = Number(draft.importance);
  if (draft.pinned !== context.pinned) patch.pinned = draft.pinned;
  if (draft.ttl.trim()) patch.ttl_secs = Number(draft.ttl);
  return patch;
}

/** Tags of a field with one a line; a tag twice is one. */
export function readTags(lines: string): string[] {
  return [...new Set(lines.split("\n").map((tag) => tag.trim()))].filter(Boolean);
}

/** True if a field holds a JSON object; an empty field holds an empty one. */
export function isObject(json: string): boolean {
  try {
    readObject(json);
    return true;
  } catch {
    return false;
  }
}

/** The object that a field holds. Throws a SyntaxError if it holds none. */
export function readObject(json: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json.trim() || "{}");
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new SyntaxError("not an object");
  return value as Record<string, unknown>;
}

function changed(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  const changes = Object.entries(after).filter(([key, value]) => !same(value, before[key]));
  const removals = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  return Object.fromEntries([...changes, ...removals.map((key) => [key, null])]);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
