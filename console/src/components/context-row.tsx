import type { ComponentChildren } from "preact";
import type { Context } from "../api/index.js";
import { href } from "../router.js";
import { strings } from "../strings.js";
import { LevelBadge, OriginBadge, Tag } from "./badges.js";
import { Icon } from "./icon.js";
import { Prose, Value } from "./text.js";
import { Time } from "./time.js";

interface Props {
  context: Context;
  /** Stands before everything else, such as a checkbox or a score. */
  before?: ComponentChildren;
  /** Stands below the text. */
  children?: ComponentChildren;
  /** Lines of the text to show. Default 4. */
  lines?: number;
}

/** A context in a list: what it says, how old it is, and where it belongs. */
export function ContextRow({ context, before, children, lines = 4 }: Props) {
  return (
    <article class="row" aria-label={context.text.slice(0, 60)}>
      {before && <div class="row-before">{before}</div>}
      <div class="grow">
        <ContextLine context={context} />
        <Prose lines={lines}>{context.text}</Prose>
        <ContextPlace context={context} />
        {children}
      </div>
    </article>
  );
}

/** Level, time, origin and state of a context in one line. */
export function ContextLine({ context }: { context: Context }) {
  return (
    <p class="line small">
      <LevelBadge level={context.level} />
      <a href={href(["context", context.id])}>
        <span class="unseen">{strings.context.open} </span>
        <Time at={context.occurred_at} />
      </a>
      {context.origin && <OriginBadge origin={context.origin} />}
      {context.role && <Value>{context.role}</Value>}
      {context.pinned && (
        <span class="mark">
          <Icon name="pin" /> {strings.context.pinned}
        </span>
      )}
      {context.embedding_status === "pending" && <span class="mark">{strings.context.pending}</span>}
      {context.superseded_by && (
        <a class="mark" href={href(["context", context.superseded_by])}>
          {strings.context.superseded}
        </a>
      )}
      {context.expires_at && (
        <span class="mark">
          {strings.context.expires} <Time at={context.expires_at} />
        </span>
      )}
    </p>
  );
}

/** Where a context belongs, each part with the page of it. */
export function ContextPlace({ context }: { context: Context }) {
  const { user_id, agent_id, session_id, scope, tags } = context;
  if (!user_id && !agent_id && !session_id && !scope && !tags.length) return null;
  return (
    <p class="line small muted">
      {user_id && <Place name={strings.context.user} value={user_id} to={href(["people", user_id])} />}
      {agent_id && <Place name={strings.context.agent} value={agent_id} to={href(["browse"], { agent_id })} />}
      {session_id && (
        <Place name={strings.context.session} value={session_id} to={href(["timeline", "session", session_id])} />
      )}
      {scope && <Place name={strings.context.scope} value={scope} to={href(["timeline", "scope", scope])} />}
      {tags.map((tag) => (
        <Tag key={tag} tag={tag} />
      ))}
    </p>
  );
}

function Place({ name, value, to }: { name: string; value: string; to: string }) {
  return (
    <span class="place">
      {name}{" "}
      <a href={to}>
        <Value>{value}</Value>
      </a>
    </span>
  );
}
