import { signal } from "@preact/signals";
import { exactTime, relativeTime } from "../format.js";

/** The present time, coarse enough for times that are told in minutes. */
export const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 20_000);

/** A time from now, with the exact one for those who point at it. */
export function Time({ at }: { at: string }) {
  // Between two ticks something newer may arrive.
  const present = Math.max(now.value, Date.now());
  return (
    <time dateTime={at} title={exactTime(at)}>
      {relativeTime(at, present)}
    </time>
  );
}
