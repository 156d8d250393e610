/** The form that edits a context. */
import { useState } from "preact/hooks";
import { api, type Context, useAction } from "../../api/index.js";
import { Button, Problem } from "../../components/index.js";
import { type Draft, draftOf, isObject, patchOf } from "../../contexts/draft.js";
import { DraftFields } from "../../contexts/fields.js";
import { strings } from "../../strings.js";

interface Props {
  context: Context;
  onSaved: () => void;
  onCancel: () => void;
}

export function EditForm({ context, onSaved, onCancel }: Props) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(context));
  const [invalid, setInvalid] = useState(false);
  const saving = useAction();
  // The server keeps messages and parts of documents as they came.
  const textFixed = context.role !== null || typeof context.document_id === "string";

  const save = async (event: Event) => {
    event.preventDefault();
    setInvalid(!isObject(draft.metadata));
    if (!isObject(draft.metadata)) return;
    const patch = patchOf(context, draft);
    const unchanged = Object.keys(patch).length === 0;
    if (unchanged || (await saving.run(() => api().updateContext(context.id, patch)))) onSaved();
  };

  return (
    <form class="card stack" aria-label={strings.contextPage.edit} onSubmit={save}>
      <DraftFields
        draft={draft}
        onChange={(change) => setDraft((draft) => ({ ...draft, ...change }))}
        textFixed={textFixed}
        metadataInvalid={invalid}
      />
      <Problem error={saving.error} />
      <div class="actions">
        <Button type="submit" kind="primary" busy={saving.busy}>
          {strings.app.save}
        </Button>
        <Button onClick={onCancel}>{strings.app.cancel}</Button>
      </div>
    </form>
  );
}
