/** The form that adds a context. */
import { useState } from "preact/hooks";
import { api, type NewContext, useAction } from "../../api/index.js";
import { Button, Dialog, Problem, TextField, TimeField } from "../../components/index.js";
import { type Draft, isObject, readObject, readTags } from "../../contexts/draft.js";
import { DraftFields } from "../../contexts/fields.js";
import type { Filters } from "../../contexts/filters.js";
import { notify } from "../../notices.js";
import { go, href } from "../../router.js";
import { strings } from "../../strings.js";

const words = strings.browse.add;

const PLACES = ["user_id", "agent_id", "session_id", "scope", "key"] as const;
type Place = (typeof PLACES)[number];

const labels: Record<Place, string> = {
  user_id: strings.context.user,
  agent_id: strings.context.agent,
  session_id: strings.context.session,
  scope: strings.context.scope,
  key: strings.context.key,
};

interface Props {
  /** Filters of the list, which the new context fits at first. */
  filters: Filters;
  onClose: () => void;
}

export function AddContext({ filters, onClose }: Props) {
  const { level = "long_term", user_id = "", agent_id = "", session_id = "", scope_prefix = "", tag = "" } = filters;
  const [draft, setDraft] = useState<Draft>({
    text: "",
    level,
    tags: tag,
    metadata: "",
    importance: "0.5",
    pinned: false,
    ttl: "",
  });
  const [place, setPlace] = useState<Record<Place, string>>({
    user_id,
    agent_id,
    session_id,
    scope: scope_prefix,
    key: "",
  });
  const [occurredAt, setOccurredAt] = useState("");
  const [invalid, setInvalid] = useState(false);
  const storing = useAction();

  const store = async (event: Event) => {
    event.preventDefault();
    setInvalid(!isObject(draft.metadata));
    if (!isObject(draft.metadata)) return;
    const context: NewContext = {
      text: draft.text,
      level: draft.level,
      tags: readTags(draft.tags),
      metadata: readObject(draft.metadata),
      importance: Number(draft.importance),
      pinned: draft.pinned,
      ttl_secs: draft.ttl ? Number(draft.ttl) : null,
      occurred_at: occurredAt ? new Date(occurredAt).toISOString() : null,
      ...Object.fromEntries(PLACES.map((name) => [name, place[name].trim() || null])),
    };
    await storing.run(async () => {
      const stored = await api().storeContext(context);
      notify("deduplicated" in stored && stored.deduplicated ? words.there : words.stored);
      onClose();
      go(href(["context", stored.id]));
    });
  };

  return (
    <Dialog title={words.title} onClose={onClose}>
      <form onSubmit={store}>
        <DraftFields
          draft={draft}
          onChange={(change) => setDraft((draft) => ({ ...draft, ...change }))}
          metadataInvalid={invalid}
        />
        <div class="fields">
          {PLACES.map((name) => (
            <TextField
              key={name}
              label={labels[name]}
              spellcheck={false}
              value={place[name]}
              onInput={(value) => setPlace((place) => ({ ...place, [name]: value }))}
            />
          ))}
          <TimeField label={words.occurred} hint={words.occurredHint} value={occurredAt} onInput={setOccurredAt} />
        </div>
        <Problem error={storing.error} />
        <footer class="actions end">
          <Button onClick={onClose}>{strings.app.cancel}</Button>
          <Button type="submit" kind="primary" busy={storing.busy}>
            {words.action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
