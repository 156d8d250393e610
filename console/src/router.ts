/** Addresses of pages: `#/path/of/page?query`. What a page shows is in its address, so that it can be sent and kept. */
import { computed, signal } from "@preact/signals";

export type QueryValues = Record<string, string | number | boolean | null | undefined | readonly string[]>;

export interface PageProps {
  /** Segments of the address behind those of the page's route. */
  parameters: readonly string[];
}

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

/** Path of the page, such as `/context/0198…`. */
export const path = computed(() => hash.value.slice(1).split("?", 1)[0] || "/");

/** Query of the page. */
export const query = computed(() => new URLSearchParams(hash.value.slice(1).split("?").slice(1).join("?")));

/** Decoded segments of the path. */
export const segments = computed(() => path.value.split("/").filter(Boolean).map(decoded));

/** Address of a page: `href(["context", id])`, `href(["search"], { q: "tea" })`. */
export function href(segments: readonly string[], values: QueryValues = {}): string {
  const text = queryText(new URLSearchParams(), values);
  return `#/${segments.map(encodeURIComponent).join("/")}${text}`;
}

/** Goes to an address. */
export function go(address: string): void {
  location.hash = address;
}

/** Changes values of the present page's query, without a step in the browser's history. */
export function setQuery(values: QueryValues): void {
  history.replaceState(history.state, "", `#${path.value}${queryText(query.value, values)}`);
  hash.value = location.hash;
}

/** The query with other values: those that are empty are left out, a list stands as often as it has items. */
function queryText(present: URLSearchParams, values: QueryValues): string {
  const next = new URLSearchParams(present);
  for (const [name, value] of Object.entries(values)) {
    next.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "" && one !== false) next.append(name, String(one));
    }
  }
  const text = next.toString();
  return text && `?${text}`;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
