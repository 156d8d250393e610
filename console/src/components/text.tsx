/** Texts that others wrote. They are text nodes, isolated so that no direction override reaches the page around them. */
import { useState } from "preact/hooks";
import { notify } from "../notices.js";
import { strings } from "../strings.js";
import { Button } from "./button.js";

/** Control characters, and those that turn the direction of what follows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it finds
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** The text with what cannot be seen made visible. */
export const visible = (text: string): string => text.replace(/\r\n/g, "\n").replace(UNSEEN, "\u{fffd}");

/** A short value inside a line, such as an id, a tag or a scope. */
export function Value({ children, code }: { children: string; code?: boolean }) {
  return <bdi class={code ? "value code" : "value"}>{visible(children)}</bdi>;
}

/** A text with its line breaks; with `lines` it is cut after so many of them. */
export function Prose({ children, lines }: { children: string; lines?: number }) {
  const [whole, setWhole] = useState(false);
  const text = visible(children);
  const long = lines !== undefined && (text.length > lines * 110 || text.split("\n").length > lines);
  return (
    <>
      <p class={long && !whole ? "prose cut" : "prose"} dir="auto" style={lines ? { "--lines": lines } : undefined}>
        {text}
      </p>
      {long && (
        <Button kind="plain" aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? strings.text.less : strings.text.more}
        </Button>
      )}
    </>
  );
}

/** A button that copies. */
export function Copy({ text, label = strings.app.copy }: { text: string; label?: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      notify(strings.app.copied);
    } catch (error) {
      notify(strings.app.notCopied, error);
    }
  };
  return <Button kind="plain" icon="copy" onClick={copy} aria-label={label} title={label} />;
}
