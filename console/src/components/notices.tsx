import { useEffect, useState } from "preact/hooks";
import { useKeys } from "../keyboard.js";
import {
  type Deletion,
  deleteNow,
  deleteWaiting,
  deletions,
  dismiss,
  type Notice,
  notices,
  UNDO_SECONDS,
  undoDeletion,
} from "../notices.js";
import { strings } from "../strings.js";
import { Button } from "./button.js";
import { ProblemText } from "./states.js";

addEventListener("pagehide", () => deleteWaiting(strings.deletion.failed));

/** What waits and what happened, at the edge of the page. */
export function Notices() {
  useKeys((event) => {
    const newest = deletions.peek().at(-1);
    if (!newest || event.key !== "z" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    undoDeletion(newest);
  });
  return (
    <div class="notices">
      {deletions.value.map((deletion) => (
        <Waiting key={deletion.id} deletion={deletion} />
      ))}
      <div role="status" aria-live="polite">
        {notices.value.map((notice) => (
          <Shown key={notice.id} notice={notice} />
        ))}
      </div>
    </div>
  );
}

/** A deletion that waits. The time stands still while somebody points at it or has the focus in it. */
function Waiting({ deletion }: { deletion: Deletion }) {
  const [left, setLeft] = useState(UNDO_SECONDS);
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setInterval(() => setLeft((left) => left - 1), 1000);
    return () => clearInterval(timer);
  }, [held]);
  useEffect(() => {
    if (left <= 0) deleteNow(deletion, strings.deletion.failed);
  }, [left, deletion]);
  const hold = () => setHeld(true);
  const release = () => setHeld(false);
  return (
    <section
      class="toast"
      aria-label={strings.deletion.waiting(deletion.what, UNDO_SECONDS)}
      onMouseEnter={hold}
      onMouseLeave={release}
      onFocusIn={hold}
      onFocusOut={release}
    >
      <span class="grow">
        <span class="unseen" role="status">
          {strings.deletion.waiting(deletion.what, UNDO_SECONDS)}
        </span>
        <span aria-hidden="true">{strings.deletion.waiting(deletion.what, left)}</span>
      </span>
      <Button title={strings.deletion.undoKeys} onClick={() => undoDeletion(deletion)}>
        {strings.deletion.undo}
      </Button>
      <Button kind="danger" onClick={() => deleteNow(deletion, strings.deletion.failed)}>
        {strings.deletion.now}
      </Button>
    </section>
  );
}

function Shown({ notice }: { notice: Notice }) {
  const { id, text, error } = notice;
  useEffect(() => {
    if (error !== undefined) return;
    const timer = setTimeout(() => dismiss(id), 5000);
    return () => clearTimeout(timer);
  }, [id, error]);
  return (
    <div class={error === undefined ? "toast" : "toast danger"}>
      <div class="grow">
        <p class={error === undefined ? undefined : "strong"}>{text}</p>
        {error !== undefined && <ProblemText error={error} />}
      </div>
      <Button
        kind="plain"
        icon="close"
        aria-label={strings.app.close}
        title={strings.app.close}
        onClick={() => dismiss(id)}
      />
    </div>
  );
}
