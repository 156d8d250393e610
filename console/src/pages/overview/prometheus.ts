/** Prometheus's text format, as far as the overview needs it. */

export interface Sample {
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** The samples of a scrape by the names of their metrics. */
export type Scrape = ReadonlyMap<string, readonly Sample[]>;

/** Upper bounds of the buckets of a histogram with the number of values up to them. */
export type Buckets = ReadonlyMap<number, number>;

const LINE = /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/i;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export function parse(text: string): Scrape {
  const samples = new Map<string, Sample[]>();
  for (const line of text.split("\n")) {
    const [, name, labels = "", value = ""] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    const list = samples.get(name) ?? [];
    if (!list.length) samples.set(name, list);
    list.push({
      labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, key, text]) => [key, unescaped(text)])),
      value: number(value),
    });
  }
  return samples;
}

/** Sum of a metric's samples that a condition holds for; 0 if there is none. */
export function total(scrape: Scrape, name: string, holds: (labels: Sample["labels"]) => boolean = () => true): number {
  const samples = scrape.get(name) ?? [];
  return samples.reduce((sum, { labels, value }) => (holds(labels) ? sum + value : sum), 0);
}

/** Buckets of the histogram samples that a condition holds for, summed. */
export function buckets(scrape: Scrape, name: string, holds: (labels: Sample["labels"]) => boolean): Buckets {
  const sums = new Map<number, number>();
  for (const { labels, value } of scrape.get(`${name}_bucket`) ?? []) {
    if (!holds(labels)) continue;
    const bound = number(labels.le ?? "");
    sums.set(bound, (sums.get(bound) ?? 0) + value);
  }
  return sums;
}

/** What was counted between two scrapes. */
export function since(earlier: Buckets, later: Buckets): Buckets {
  return new Map([...later].map(([bound, count]) => [bound, Math.max(0, count - (earlier.get(bound) ?? 0))]));
}

/** The value below which this share of all values is, even inside a bucket; null without values. */
export function quantile(share: number, buckets: Buckets): number | null {
  const bounds = [...buckets].sort(([a], [b]) => a - b);
  const all = bounds.at(-1)?.[1] ?? 0;
  if (all === 0) return null;
  const rank = share * all;
  let [lower, below] = [0, 0];
  for (const [bound, count] of bounds) {
    if (count >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return lower + (bound - lower) * (count > below ? (rank - below) / (count - below) : 1);
    }
    [lower, below] = [bound, count];
  }
  return lower;
}

function unescaped(text = ""): string {
  return text.replace(/\\(.)/g, (_, character) => (character === "n" ? "\n" : character));
}

function number(text: string): number {
  return text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
}
