/** One context: what it says, where it comes from, what became of it, and what can be done with it. */
import "./context.css";
import { useState } from "preact/hooks";
import { api, type Context, can, type Level, useResource } from "../../api/index.js";
import { Button, ContextLine, Empty, Loading, Page, Problem, Prose, Section, Tag } from "../../components/index.js";
import { LEVELS } from "../../contexts/filters.js";
import { count } from "../../format.js";
import { deleteLater, isGone, notify } from "../../notices.js";
import type { PageProps } from "../../router.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";
import { EditForm } from "./edit.js";
import { ContextFacts, DocumentFacts, Metadata } from "./facts.js";
import { Versions } from "./history.js";
import { Alike, Replaced, Sources } from "./relations.js";

const words = strings.contextPage;

export function ContextPage({ parameters: [id = ""] }: PageProps) {
  const context = useResource((signal) => api().getContext(id, { signal }), [id]);
  const { data, error } = context;
  if (isGone(id)) {
    return (
      <Page title={words.title}>
        <Empty title={words.deleted} />
      </Page>
    );
  }
  if (!data)
    return <Page title={words.title}>{error ? <Problem error={error} retry={context.reload} /> : <Loading />}</Page>;
  return <Shown context={data} onChange={context.reload} />;
}

function Shown({ context, onChange }: { context: Context; onChange: () => void }) {
  const [editing, setEditing] = useState(false);
  const { id, updated_at, version, superseded_by } = context;
  const history = useResource(
    (signal) => api().getContextHistory(id, { signal }),
    [id, updated_at, version, superseded_by],
  );
  const versions = history.data?.versions ?? [];
  const own = versions.filter((version) => version.id === id);

  const change = async (done: string, work: () => Promise<unknown>) => {
    try {
      await work();
      notify(done);
      onChange();
    } catch (error) {
      notify(words.failed, error);
    }
  };
  const saved = () => {
    setEditing(false);
    onChange();
  };
  const undo = () => change(words.undone, () => api().undoContext(id));

  return (
    <Page
      title={words.title}
      actions={
        can("write") && !editing && <Actions context={context} change={change} onEdit={() => setEditing(true)} />
      }
    >
      {superseded_by && (
        <div class="notice warning replaced">
          <p class="grow">
            {words.supersededBy} <a href={href(["context", superseded_by])}>{words.replacement}</a>
          </p>
          {can("write") && (
            <Button icon="undo" onClick={undo}>
              {words.restore}
            </Button>
          )}
        </div>
      )}
      <div class="context-columns">
        <div>
          {editing ? (
            <EditForm context={context} onSaved={saved} onCancel={() => setEditing(false)} />
          ) : (
            <article class="card" aria-label={words.text}>
              <ContextLine context={context} />
              <Prose>{context.text}</Prose>
              {context.tags.length > 0 && (
                <p class="line">
                  {context.tags.map((tag) => (
                    <Tag key={tag} tag={tag} />
                  ))}
                </p>
              )}
            </article>
          )}
          <Replaced id={id} versions={versions} />
          <Sources ids={context.derived_from} />
          <Alike similar={context.similar_to} />
          <Section
            title={words.history.title}
            actions={
              can("write") &&
              own.length > 1 &&
              !superseded_by && (
                <Button icon="undo" onClick={undo}>
                  {words.undo}
                </Button>
              )
            }
          >
            {history.error !== undefined && <Problem error={history.error} retry={history.reload} />}
            <Versions id={id} versions={versions} />
          </Section>
        </div>
        <aside class="context-facts" aria-label={words.facts.title}>
          <ContextFacts context={context} />
          {context.document_id && (
            <Section title={strings.context.document}>
              <DocumentFacts id={context.document_id} context={context} />
            </Section>
          )}
          {Object.keys(context.metadata).length > 0 && (
            <Section title={words.metadata}>
              <Metadata metadata={context.metadata} />
            </Section>
          )}
        </aside>
      </div>
    </Page>
  );
}

interface ActionsProps {
  context: Context;
  change: (done: string, work: () => Promise<unknown>) => void;
  onEdit: () => void;
}

function Actions({ context: { id, level, pinned }, change, onEdit }: ActionsProps) {
  const move = (level: Level) => change(words.moved(strings.levels[level]), () => api().updateContext(id, { level }));
  const remove = () =>
    deleteLater({ what: count(1, strings.contexts), ids: [id], send: () => api().deleteContext(id) });
  return (
    <>
      <fieldset class="segments">
        <legend class="unseen">{words.move}</legend>
        {LEVELS.map((each) => (
          <Button key={each} aria-pressed={each === level} onClick={() => each !== level && move(each)}>
            {strings.levels[each]}
          </Button>
        ))}
      </fieldset>
      <Button
        icon="pin"
        aria-pressed={pinned}
        onClick={() =>
          change(pinned ? words.unpinned : words.pinned, () => api().updateContext(id, { pinned: !pinned }))
        }
      >
        {pinned ? words.unpin : words.pin}
      </Button>
      <Button icon="edit" onClick={onEdit}>
        {words.edit}
      </Button>
      <Button icon="trash" kind="danger" onClick={remove}>
        {words.delete}
      </Button>
    </>
  );
}
