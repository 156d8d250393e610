import type { Level, Origin } from "../api/index.js";
import { href } from "../router.js";
import { strings } from "../strings.js";
import { Value } from "./text.js";

/** The level of a context. */
export function LevelBadge({ level }: { level: Level }) {
  return <span class={`badge level ${level}`}>{strings.levels[level]}</span>;
}

/** Whose words a text is. */
export function OriginBadge({ origin }: { origin: Origin }) {
  return <span class={`badge origin ${origin}`}>{strings.origins[origin]}</span>;
}

/** A tag; it leads to the contexts that have it. */
export function Tag({ tag }: { tag: string }) {
  return (
    <a class="badge tag" href={href(["browse"], { tag })}>
      <Value>{tag}</Value>
    </a>
  );
}
