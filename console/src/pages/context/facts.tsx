/** The fields of a context, with links to what shares them. */
import { api, type Context, useResource } from "../../api/index.js";
import { Copy, Facts, OriginBadge, Time, Value } from "../../components/index.js";
import { bytes, number } from "../../format.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";

const words = strings.contextPage.facts;

export function ContextFacts({ context }: { context: Context }) {
  const { scope, key, user_id, agent_id, session_id, origin, role, last_accessed_at, expires_at } = context;
  return (
    <Facts
      facts={[
        [
          strings.context.id,
          <span key="id">
            <Value code>{context.id}</Value> <Copy text={context.id} />
          </span>,
        ],
        [strings.context.scope, scope && <Link to={href(["timeline", "scope", scope])} name={scope} />],
        [strings.context.key, key && <Value>{key}</Value>],
        [strings.context.user, user_id && <Link to={href(["people", user_id])} name={user_id} />],
        [strings.context.agent, agent_id && <Link to={href(["browse"], { agent_id })} name={agent_id} />],
        [
          strings.context.session,
          session_id && <Link to={href(["timeline", "session", session_id])} name={session_id} />,
        ],
        [words.origin, origin && <OriginBadge origin={origin} />],
        [strings.context.role, role && <Value>{role}</Value>],
        [words.occurred, <Time key="occurred" at={context.occurred_at} />],
        [words.created, <Time key="created" at={context.created_at} />],
        [words.updated, context.updated_at !== context.created_at && <Time at={context.updated_at} />],
        [words.accesses, number(context.access_count)],
        [words.lastAccess, last_accessed_at && <Time at={last_accessed_at} />],
        [words.expires, expires_at ? <Time at={expires_at} /> : words.never],
        [words.importance, number(context.importance)],
        [words.tokens, number(context.token_count)],
        [words.language, context.language],
        [words.version, number(context.version ?? 1)],
      ]}
    />
  );
}

/** The document that a context is a part of, and its place there. */
export function DocumentFacts({ id, context }: { id: string; context: Context }) {
  const document = useResource((signal) => api().getDocument(id, { signal }), [id]);
  const { headings, offset, length } = context;
  return (
    <Facts
      facts={[
        [words.documentTitle, document.data?.title && <Value>{document.data.title}</Value>],
        [
          strings.context.id,
          <Value key="id" code>
            {id}
          </Value>,
        ],
        [words.headings, headings?.length ? <Value>{headings.join(" › ")}</Value> : null],
        [words.place, typeof length === "number" && words.placeOf(bytes(length), number(offset ?? 0))],
        [words.parts, document.data && number(document.data.contexts)],
      ]}
    />
  );
}

/** The metadata of a context, a value a line. */
export function Metadata({ metadata }: { metadata: Context["metadata"] }) {
  const entries = Object.entries(metadata).map(
    ([name, value]) =>
      [name, <Value key={name}>{typeof value === "string" ? value : JSON.stringify(value)}</Value>] as const,
  );
  return <Facts facts={entries} />;
}

function Link({ to, name }: { to: string; name: string }) {
  return (
    <a href={to}>
      <Value>{name}</Value>
    </a>
  );
}
