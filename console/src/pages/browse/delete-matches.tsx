/** The question before everything that the filters name is deleted. */
import { useState } from "preact/hooks";
import { api, useResource } from "../../api/index.js";
import { Button, Confirm, Dialog, Facts, Loading, Problem, Value } from "../../components/index.js";
import { labels } from "../../contexts/filter-form.js";
import { type Filters, TEXT_FILTERS } from "../../contexts/filters.js";
import { count } from "../../format.js";
import { notify } from "../../notices.js";
import { strings } from "../../strings.js";
import { countMatches, deleteMatches } from "./bulk.js";

const words = strings.browse.bulk;

interface Props {
  filters: Filters;
  onDeleted: () => void;
  onClose: () => void;
}

export function DeleteMatches({ filters, onDeleted, onClose }: Props) {
  const matches = useResource(() => countMatches(api(), filters), []);
  const [deleted, setDeleted] = useState(0);
  if (!matches.data) {
    return (
      <Dialog title={words.title} onClose={onClose}>
        {matches.data === 0 && <p>{words.nothing}</p>}
        {matches.data === undefined && matches.error === undefined && <Loading />}
        <Problem error={matches.error} retry={matches.reload} />
        <footer class="actions end">
          <Button onClick={onClose}>{strings.app.close}</Button>
        </footer>
      </Dialog>
    );
  }
  const remove = async () => {
    const total = await deleteMatches(api(), filters, setDeleted);
    notify(words.deleted(count(total, strings.contexts)));
    onDeleted();
  };
  return (
    <Confirm
      title={words.title}
      phrase={String(matches.data)}
      action={words.action}
      danger
      onConfirm={remove}
      onClose={onClose}
    >
      <p>{words.question(count(matches.data, strings.contexts))}</p>
      <Facts
        facts={[
          [strings.filters.level, filters.level && strings.levels[filters.level]],
          ...TEXT_FILTERS.map((name) => [labels[name], filters[name] && <Value>{filters[name]}</Value>] as const),
        ]}
      />
      <p class="muted">{words.supersededToo}</p>
      {deleted > 0 && <p role="status">{words.progress(count(deleted, strings.contexts))}</p>}
    </Confirm>
  );
}
