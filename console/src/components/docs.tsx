import type { ComponentChildren } from "preact";
import { strings } from "../strings.js";
import { Icon } from "./icon.js";

/** A link to a page of the documentation, such as `how-to/keys.md`. */
export function Docs({ page, children }: { page: string; children: ComponentChildren }) {
  return (
    <a class="docs" href={`${strings.app.docs}${page}`} target="_blank" rel="noreferrer">
      {children}
      <Icon name="external" />
    </a>
  );
}
