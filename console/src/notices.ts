/** Notices at the edge of the page, and deletions that wait for a moment in which they can be taken back. */
import { computed, signal } from "@preact/signals";

/** A notice; it leaves by itself unless it is an error. */
export interface Notice {
  id: number;
  text: string;
  error?: unknown;
}

export interface Deletion {
  id: number;
  /** Words for what goes, such as `1 context`. */
  what: string;
  /** Contexts that lists hide from now on. */
  ids: readonly string[];
  /** Deletes at the server. */
  send: () => Promise<unknown>;
  /** Called when it is deleted. */
  done?: () => void;
}

/** Seconds in which a deletion can be taken back. */
export const UNDO_SECONDS = 8;

export const notices = signal<readonly Notice[]>([]);
/** Deletions that wait. */
export const deletions = signal<readonly Deletion[]>([]);

const deleted = signal<ReadonlySet<string>>(new Set());
const hidden = computed(() => new Set([...deleted.value, ...deletions.value.flatMap(({ ids }) => ids)]));

let last = 0;

/** True if the context is deleted, or will be in a moment: lists leave it out. */
export function isGone(id: string): boolean {
  return hidden.value.has(id);
}

export function notify(text: string, error?: unknown): void {
  notices.value = [...notices.value, { id: ++last, text, error }];
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Deletes in a moment, unless it is taken back. */
export function deleteLater(deletion: Omit<Deletion, "id">): void {
  deletions.value = [...deletions.value, { ...deletion, id: ++last }];
}

/** Takes a deletion that waits back. */
export function undoDeletion({ id }: Deletion): void {
  deletions.value = deletions.value.filter((deletion) => deletion.id !== id);
}

/** Deletes all that waits, before the caller leaves. */
export function deleteWaiting(failed: string): void {
  for (const deletion of deletions.peek()) deleteNow(deletion, failed);
}

/** Deletes what waits. */
export async function deleteNow(deletion: Deletion, failed: string): Promise<void> {
  if (!deletions.peek().includes(deletion)) return;
  const answer = deletion.send();
  deleted.value = new Set([...deleted.value, ...deletion.ids]);
  undoDeletion(deletion);
  try {
    await answer;
    deletion.done?.();
  } catch (error) {
    deleted.value = new Set([...deleted.value].filter((id) => !deletion.ids.includes(id)));
    notify(failed, error);
  }
}
