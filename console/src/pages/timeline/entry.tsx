/** A message or another context at its time. */
import { useState } from "preact/hooks";
import { api, type Context, useResource } from "../../api/index.js";
import { Button, LevelBadge, Loading, Problem, Prose, Tag, Time, Value, visible } from "../../components/index.js";
import { clock, count, exactTime } from "../../format.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";

const words = strings.timeline;

/** Most messages that one call lists. */
const MAX_MESSAGES = 1000;

export function Entry({ context }: { context: Context }) {
  const { id, role, created_at, occurred_at, level, token_count, tags, superseded_by, session_id } = context;
  const [open, setOpen] = useState(false);
  return (
    <article class={role ? `entry message ${KINDS[role] ?? ""}` : "entry"} aria-label={context.text.slice(0, 60)}>
      <p class="line small">
        {role ? (
          <strong>
            <Value>{role}</Value>
          </strong>
        ) : (
          <LevelBadge level={level} />
        )}
        <a href={href(["context", id])}>
          <span class="unseen">{strings.context.open} </span>
          <time dateTime={created_at} title={exactTime(created_at)}>
            {clock(created_at)}
          </time>
        </a>
        {isElsewhen(occurred_at, created_at) && (
          <span class="muted">
            {words.happened} <Time at={occurred_at} />
          </span>
        )}
        <span class="muted">{count(token_count, strings.tokens)}</span>
        {superseded_by && (
          <a class="mark" href={href(["context", superseded_by])}>
            {strings.context.superseded}
          </a>
        )}
        {role && session_id && (
          <Button kind="plain" aria-expanded={open} onClick={() => setOpen(!open)}>
            {words.asSent}
          </Button>
        )}
      </p>
      <Prose lines={12}>{context.text}</Prose>
      {tags.length > 0 && (
        <p class="line">
          {tags.map((tag) => (
            <Tag key={tag} tag={tag} />
          ))}
        </p>
      )}
      {open && session_id && <Sent id={id} session={session_id} />}
    </article>
  );
}

const KINDS: Record<string, string> = { user: "of-user", assistant: "of-agent", tool: "of-tool", function: "of-tool" };

/** The message with all the fields it came with. */
function Sent({ id, session }: { id: string; session: string }) {
  const { data, error, reload } = useResource(
    (signal) => api().listMessages(session, { limit: MAX_MESSAGES }, { signal }),
    [session],
  );
  if (!data) return error === undefined ? <Loading /> : <Problem error={error} retry={reload} />;
  const message = data.messages[data.ids.indexOf(id)];
  if (!message) return <p class="muted">{words.tooOld}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <pre class="sent" tabIndex={0}>
      {visible(JSON.stringify(message, null, 2))}
    </pre>
  );
}

/** True if something happened at another time than it was stored. */
function isElsewhen(occurred: string, created: string): boolean {
  return Math.abs(Date.parse(occurred) - Date.parse(created)) > 60_000;
}
