/** Versions of a context and of those that it replaced, newest first, each compared with the one before. */
import { useMemo, useState } from "preact/hooks";
import type { History } from "../../api/index.js";
import { Time, Value, visible } from "../../components/index.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";
import { diff } from "./diff.js";

type Version = History["versions"][number];

const words = strings.contextPage.history;

export function Versions({ id, versions }: { id: string; versions: readonly Version[] }) {
  return (
    <ol class="versions">
      {versions.map((version, place) => (
        <li key={`${version.id} ${version.version}`}>
          <Entry
            version={version}
            before={versions[place + 1]}
            own={version.id === id}
            opened={place === 0 && versions.length > 1}
          />
        </li>
      ))}
    </ol>
  );
}

interface EntryProps {
  version: Version;
  before: Version | undefined;
  /** False for a version of a context that was replaced. */
  own: boolean;
  opened: boolean;
}

function Entry({ version, before, own, opened }: EntryProps) {
  const [open, setOpen] = useState(opened);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <strong>{words.version(version.version)}</strong> {words.changes[version.change]}{" "}
        <Time at={version.changed_at} />
        {!own && <span class="muted"> {words.ofReplaced}</span>}
        {version.by && (
          <span class="muted">
            {" "}
            {words.by} <Value>{version.by}</Value>
          </span>
        )}
      </summary>
      {!own && <a href={href(["context", version.id])}>{words.open}</a>}
      {open && <Comparison before={before?.text} after={version.text} />}
    </details>
  );
}

function Comparison({ before, after }: { before: string | undefined; after: string }) {
  const pieces = useMemo(() => (before === undefined ? [] : diff(visible(before), visible(after))), [before, after]);
  if (before === after) return <p class="muted">{words.sameText}</p>;
  return (
    <p class="prose" dir="auto">
      {before === undefined && visible(after)}
      {pieces.map(({ kind, text }, place) => {
        if (kind === "added") return <ins key={place}>{text}</ins>;
        if (kind === "removed") return <del key={place}>{text}</del>;
        return text;
      })}
    </p>
  );
}
