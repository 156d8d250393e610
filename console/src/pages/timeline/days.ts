/** Contexts of a list by the day on which they were stored, which is the order of lists. */
export interface Day<T> {
  /** Local date, such as `2026-11-28`. */
  date: string;
  items: T[];
}

/** Groups neighbours of one day; the order stays. */
export function byDay<T extends { created_at: string }>(items: readonly T[]): Day<T>[] {
  const days: Day<T>[] = [];
  for (const item of items) {
    const date = localDate(new Date(item.created_at));
    const last = days.at(-1);
    if (last?.date === date) last.items.push(item);
    else days.push({ date, items: [item] });
  }
  return days;
}

function localDate(time: Date): string {
  const part = (value: number) => String(value).padStart(2, "0");
  return `${time.getFullYear()}-${part(time.getMonth() + 1)}-${part(time.getDate())}`;
}
