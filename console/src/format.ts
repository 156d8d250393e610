/** Numbers, sizes and times in the reader's manner. */
import { strings } from "./strings.js";

const language = "en";
const numbers = new Intl.NumberFormat(language);
const compacts = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const fractions = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
const scores = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const exactTimes = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const clocks = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const days = new Intl.DateTimeFormat(language, { dateStyle: "full" });
const relatives = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"];

export const number = (value: number): string => numbers.format(value);
export const compact = (value: number): string => compacts.format(value);
/** Three significant digits. */
export const fraction = (value: number): string => fractions.format(value);
export const percent = (share: number): string => percents.format(share);
export const score = (value: number): string => scores.format(value);
export const exactTime = (at: string | Date): string => exactTimes.format(new Date(at));
/** Time of the day. */
export const clock = (at: string | Date): string => clocks.format(new Date(at));
export const day = (at: string | Date): string => days.format(new Date(at));

/** `3 contexts`, `1 context`: the forms are those of the strings. */
export function count(value: number, [one, many]: readonly [string, string]): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}

export function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log2(value) / 10));
  return `${fraction(value / 1024 ** power)} ${BYTES[power]}`;
}

/** Time from now, such as `3 hr. ago`. */
export function relativeTime(at: string | Date, now: number): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return Math.abs(seconds) < 10 ? strings.time.now : relatives.format(Math.trunc(seconds / size), unit);
}

/** Length of a time, such as `2 d 3 h`. */
export function duration(seconds: number): string {
  const units = strings.time.units;
  const parts = [
    [Math.floor(seconds / 86_400), units.day],
    [Math.floor(seconds / 3_600) % 24, units.hour],
    [Math.floor(seconds / 60) % 60, units.minute],
    [Math.floor(seconds) % 60, units.second],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return `0 ${units.second}`;
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(" ");
}

/** Length of a time, given in milliseconds. */
export function milliseconds(value: number): string {
  if (value < 0.1) return value > 0 ? "< 0.1 ms" : "0 ms";
  return value < 1000 ? `${fraction(value)} ms` : `${fraction(value / 1000)} s`;
}

/** A time as fields for local times take it. */
export function localTime(at: string): string {
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
