/** What an operator should look at, each with the alert whose runbook says what to do. */
import type { Health } from "../../api/index.js";
import { bytes, duration, number, percent } from "../../format.js";
import { strings } from "../../strings.js";
import { total } from "./prometheus.js";
import { between, isApi, type Reading } from "./readings.js";

export interface Concern {
  severe: boolean;
  text: string;
  /** Name of the alert. */
  alert: string;
}

const MIB = 1024 * 1024;
/** Requests below which a share or a percentile means nothing. */
const ENOUGH = 20;
const words = strings.overview.concerns;

/** Page of the documentation for an alert. */
export const runbook = (alert: string): string => `how-to/alerts.md#${alert.toLowerCase()}`;

export function concernsOf(health: Health | undefined, readings: readonly Reading[]): Concern[] {
  const concerns = [...ofHealth(health), ...ofMetrics(readings)];
  return concerns.sort((a, b) => Number(b.severe) - Number(a.severe));
}

function ofHealth(health: Health | undefined): Concern[] {
  const ill = health?.components.filter(({ status }) => status !== "healthy") ?? [];
  return ill.map(({ name, status, last_error }) => ({
    severe: status === "unhealthy",
    text: words.component(strings.overview.parts[name] ?? name, status, last_error ?? ""),
    alert: status === "unhealthy" ? "ContextManagerUnhealthy" : "ContextManagerDegraded",
  }));
}

function ofMetrics(readings: readonly Reading[]): Concern[] {
  const last = readings.at(-1);
  if (!last) return [];
  const first = readings.length > 1 ? readings[0] : undefined;
  const value = (name: string) => total(last.scrape, `context_manager_${name}`);
  const rise = (name: string) => value(name) - (first ? total(first.scrape, `context_manager_${name}`) : 0);
  const concerns: Concern[] = [];
  const add = (holds: boolean, severe: boolean, text: string, alert: string) =>
    holds && concerns.push({ severe, text, alert });

  for (const { labels, value } of last.scrape.get("context_manager_circuit_breaker_state") ?? []) {
    add(value > 0, true, words.circuit(labels.name ?? ""), "ContextManagerCircuitOpen");
  }
  const free = value("disk_free_bytes");
  const size = value("disk_size_bytes");
  add(size > 0 && (free < 512 * MIB || free / size < 0.05), true, words.disk(bytes(free)), "ContextManagerDiskFull");
  const age = value("embedding_pending_oldest_age_seconds");
  add(
    age > 900,
    false,
    words.pending(number(value("embedding_pending")), duration(age)),
    "ContextManagerPendingBacklogOld",
  );
  add(rise("gc_errors_total") > 0, false, words.collection, "ContextManagerGcFailing");
  add(value("loop_restarts_total") > 0, false, words.loop, "ContextManagerLoopRestarted");
  add(rise("vector_db_background_errors_total") > 0, true, words.store, "ContextManagerStoreWorkFailing");
  const samples = value("recall_at_k_count");
  const recall = samples ? value("recall_at_k_sum") / samples : 1;
  add(samples >= ENOUGH && recall < 0.9, false, words.recall(percent(recall)), "ContextManagerRecallLow");

  const all = between(first, last, isApi);
  add(
    all.requests >= ENOUGH && all.failed > 0.0144,
    true,
    words.failing(percent(all.failed)),
    "ContextManagerErrorBudgetBurn",
  );
  const searches = between(first, last, ({ route }) => /\/contexts\/(search|assemble)$/.test(route ?? ""));
  add(searches.requests >= ENOUGH && (searches.p99 ?? 0) > 0.25, false, words.searches, "ContextManagerSlowSearches");
  const writes = between(first, last, ({ route }) => /\/contexts(\/batch)?$/.test(route ?? ""));
  add(writes.requests >= ENOUGH && (writes.p99 ?? 0) > 2.5, false, words.writes, "ContextManagerSlowWrites");
  const queued = Math.max(value("vector_db_writes_queued"), value("vector_db_reads_queued"));
  add(
    queued > 512 || (first !== undefined && rise("requests_shed_total") > 0),
    true,
    words.queues,
    "ContextManagerQueuesFull",
  );
  const limited = first ? rise("rate_limited_total") : 0;
  add(limited > all.requests * 0.05, false, words.limited(number(limited)), "ContextManagerLimiterSaturated");
  return concerns;
}

/** Numbers of collections since the start of the server. */
export function collectionsOf({ scrape }: Reading) {
  const value = (name: string) => total(scrape, `context_manager_gc_${name}`);
  const runs = value("runs_total");
  return {
    runs,
    deleted: value("deleted_total"),
    promoted: value("promoted_total"),
    backlog: value("backlog"),
    seconds: runs ? value("duration_seconds_sum") / runs : 0,
  };
}
