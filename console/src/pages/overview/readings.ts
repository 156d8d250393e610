/** What the metrics tell from one reading to the next. */
import { signal } from "@preact/signals";
import { type Caller, caller } from "../../api/index.js";
import { type Buckets, buckets, quantile, type Sample, type Scrape, since, total } from "./prometheus.js";

export interface Reading {
  /** Milliseconds since 1970. */
  at: number;
  scrape: Scrape;
}

export interface RouteUse {
  name: string;
  requests: number;
  perSecond: number;
  /** Share of requests that the server failed to answer. */
  failed: number;
  /** Seconds. */
  p50: number | null;
  p99: number | null;
}

const REQUESTS = "context_manager_request_duration_seconds";
const KEPT = 180;
const NOTHING: Scrape = new Map();

/** The newest readings of this caller, oldest first. They outlive the page, so that coming back shows them. */
export const readings = signal<readonly Reading[]>([]);
let reader: Caller | undefined;

export function addReading(scrape: Scrape): void {
  const before = reader === caller.peek() ? readings.peek() : [];
  reader = caller.peek();
  // Counters that went down are those of a new process.
  const restarted = started(scrape) !== started(before.at(-1)?.scrape ?? scrape);
  readings.value = [...(restarted ? [] : before.slice(1 - KEPT)), { at: Date.now(), scrape }];
}

/** Use of the API as a whole in the steps between the readings. */
export function steps(list: readonly Reading[]): {
  times: number[];
  rate: number[];
  p50: (number | null)[];
  p99: (number | null)[];
} {
  const use = list.slice(1).map((later, place) => between(list[place], later, isApi));
  return {
    times: list.slice(1).map(({ at }) => at / 1000),
    rate: use.map(({ perSecond }) => perSecond),
    p50: use.map(({ p50 }) => p50),
    p99: use.map(({ p99 }) => p99),
  };
}

/** Use of each route of the API between two readings, or since the start of the server without the first; busiest first. */
export function byRoute(earlier: Reading | undefined, later: Reading): RouteUse[] {
  const names = new Set(
    (later.scrape.get(`${REQUESTS}_count`) ?? []).filter(({ labels }) => isApi(labels)).map(nameOf),
  );
  return [...names]
    .map((name) => ({ ...between(earlier, later, (labels) => nameOf({ labels }) === name), name }))
    .filter(({ requests }) => requests > 0)
    .sort((a, b) => b.requests - a.requests);
}

/** Use of the requests that a condition holds for. */
export function between(
  earlier: Reading | undefined,
  later: Reading,
  holds: (labels: Sample["labels"]) => boolean,
): Omit<RouteUse, "name"> {
  const from = earlier?.scrape ?? NOTHING;
  const counted = (which: typeof holds) =>
    Math.max(0, total(later.scrape, `${REQUESTS}_count`, which) - total(from, `${REQUESTS}_count`, which));
  const requests = counted(holds);
  const failed = counted((labels) => holds(labels) && labels.status?.startsWith("5") === true);
  const times: Buckets = since(buckets(from, REQUESTS, holds), buckets(later.scrape, REQUESTS, holds));
  const began = earlier?.at ?? started(later.scrape) * 1000;
  return {
    requests,
    perSecond: requests / Math.max(1, (later.at - began) / 1000),
    failed: requests ? failed / requests : 0,
    p50: quantile(0.5, times),
    p99: quantile(0.99, times),
  };
}

/** True for calls that programs make; probes and scrapes are left out. */
export function isApi({ route }: Sample["labels"]): boolean {
  return route?.startsWith("/api/") === true || route === "/mcp";
}

function nameOf({ labels }: Pick<Sample, "labels">): string {
  return `${labels.method} ${labels.route?.replace("/api/v1", "")}`;
}

function started(scrape: Scrape): number {
  return total(scrape, "process_start_time_seconds");
}
