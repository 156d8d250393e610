/** Contexts that a context replaces, was made from, or is like. */
import { useState } from "preact/hooks";
import { api, type Context, type History, NotFound, useResource } from "../../api/index.js";
import { Button, Loading, Problem, Section, Value, visible } from "../../components/index.js";
import { percent } from "../../format.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";

const words = strings.contextPage;

/** Contexts that are read at once. */
const STEP = 10;

/** The newest version of each context that was replaced. */
export function Replaced({ id, versions }: { id: string; versions: History["versions"] }) {
  const others = versions.filter((version) => version.id !== id).reverse();
  const newest = new Map(others.map((version) => [version.id, version.text]));
  if (!newest.size) return null;
  return (
    <Section title={words.supersedes}>
      <ul class="links">
        {[...newest].map(([id, text]) => (
          <li key={id}>
            <Link id={id} text={text} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** The sources of a summary. */
export function Sources({ ids }: { ids: readonly string[] }) {
  if (!ids.length) return null;
  return (
    <Section title={words.derivedFrom}>
      <Links ids={ids} />
    </Section>
  );
}

/** Contexts that were alike when this one was stored. */
export function Alike({ similar }: { similar: Context["similar_to"] }) {
  if (!similar?.length) return null;
  return (
    <Section title={words.similar}>
      <Links ids={similar.map(({ id }) => id)} notes={similar.map(({ similarity }) => percent(similarity))} />
    </Section>
  );
}

function Links({ ids, notes }: { ids: readonly string[]; notes?: readonly string[] }) {
  const [shown, setShown] = useState(STEP);
  const wanted = ids.slice(0, shown);
  const read = useResource((signal) => Promise.all(wanted.map((id) => find(id, signal))), [wanted.join()]);
  if (!read.data) return read.error === undefined ? <Loading /> : <Problem error={read.error} retry={read.reload} />;
  return (
    <>
      <ul class="links">
        {wanted.map((id, place) => {
          const context = read.data?.[place];
          return (
            <li key={id}>
              {context === null ? <Gone id={id} /> : <Link id={id} text={context?.text ?? id} />}
              {notes && <span class="muted"> {notes[place]}</span>}
            </li>
          );
        })}
      </ul>
      {shown < ids.length && (
        <Button kind="plain" onClick={() => setShown(shown + STEP)}>
          {words.further(ids.length - shown)}
        </Button>
      )}
    </>
  );
}

function Link({ id, text }: { id: string; text: string }) {
  return (
    <a class="one-line" href={href(["context", id])}>
      <bdi>{visible(text)}</bdi>
    </a>
  );
}

function Gone({ id }: { id: string }) {
  return (
    <span class="muted">
      <Value code>{id}</Value> {words.gone}
    </span>
  );
}

/** The context, or null if it is stored no more. */
async function find(id: string, signal: AbortSignal): Promise<Context | null> {
  try {
    return await api().getContext(id, { signal });
  } catch (error) {
    if (error instanceof NotFound) return null;
    throw error;
  }
}
