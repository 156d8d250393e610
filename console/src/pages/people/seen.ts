/** The people whom contexts name. */
import type { Context } from "../../api/index.js";
import type { Activity } from "../../contexts/activity-table.js";

export type Sighting = Pick<Context, "user_id" | "level" | "created_at">;
export type Person = Omit<Activity, "name" | "to"> & { user_id: string };

/** What is kept of a context. */
export const sighting = ({ user_id, level, created_at }: Context): Sighting => ({ user_id, level, created_at });

/** Each person of a list that begins with the newest, in the order of their last contexts. */
export function people(sightings: readonly Sighting[]): Person[] {
  const people = new Map<string, Person>();
  for (const { user_id, level, created_at } of sightings) {
    if (!user_id) continue;
    const { total = 0, contexts = {}, last_activity_at = created_at } = people.get(user_id) ?? {};
    people.set(user_id, {
      user_id,
      total: total + 1,
      contexts: { ...contexts, [level]: (contexts[level] ?? 0) + 1 },
      first_activity_at: created_at,
      last_activity_at,
    });
  }
  return [...people.values()];
}
