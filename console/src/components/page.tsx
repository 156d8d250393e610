import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { strings } from "../strings.js";
import { Value, visible } from "./text.js";

interface Props {
  /** Heading of the page and name of its tab. */
  title: string;
  /** Buttons beside the heading. */
  actions?: ComponentChildren;
  children: ComponentChildren;
}

interface PageProps extends Props {
  /** Name of the one that the page shows, such as a session. */
  subject?: string;
}

/** False until there was something before the page. */
let arriving = false;

/** Lets the heading of the next page have the focus. */
export function moveFocus(): void {
  arriving = true;
}

/** The frame of every page: its heading gets the focus when somebody comes from another page. */
export function Page({ title, subject, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = [subject && visible(subject), title, strings.app.name].filter(Boolean).join(" · ");
  }, [title, subject]);
  useEffect(() => {
    if (arriving && !document.activeElement?.hasAttribute("data-keep-focus")) {
      heading.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    arriving = true;
  }, []);
  return (
    <>
      <header class="page-header">
        <h1 tabIndex={-1} ref={heading}>
          {title}
          {subject && (
            <>
              {" "}
              <Value>{subject}</Value>
            </>
          )}
        </h1>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

/** A part of a page with a heading of its own. */
export function Section({ title, actions, children }: Props) {
  return (
    <section class="section">
      <header class="section-header">
        <h2>{title}</h2>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}
