/** Rows that can be selected, and what can be done with those that are. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { api, type Context, can } from "../../api/index.js";
import { Button, ContextRow } from "../../components/index.js";
import { count } from "../../format.js";
import { deleteLater } from "../../notices.js";
import { strings } from "../../strings.js";
import { deleteSelected } from "./bulk.js";

const words = strings.browse;

export interface Selection {
  ids: ReadonlySet<string>;
  set: (ids: Iterable<string>, selected: boolean) => void;
}

interface Props {
  onDeleted: () => void;
  children: (selection: Selection) => ComponentChildren;
}

/** Keeps a selection over the pages of a list. */
export function Selectable({ onDeleted, children }: Props) {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const set = (changed: Iterable<string>, selected: boolean) => {
    setIds((ids) => (selected ? new Set([...ids, ...changed]) : without(ids, changed)));
  };
  const remove = () => {
    const selected = [...ids];
    deleteLater({
      what: count(selected.length, strings.contexts),
      ids: selected,
      send: () => deleteSelected(api(), selected),
      done: onDeleted,
    });
    setIds(new Set());
  };
  return (
    <>
      {children({ ids, set })}
      {ids.size > 0 && (
        <section class="selection" aria-label={words.selection}>
          <span class="grow" role="status">
            {words.selected(count(ids.size, strings.contexts))}
          </span>
          <Button onClick={() => setIds(new Set())}>{words.unselect}</Button>
          <Button icon="trash" kind="danger" onClick={remove}>
            {words.deleteSelected}
          </Button>
        </section>
      )}
    </>
  );
}

/** Contexts of one page. Where nothing may be done with them, they are just shown. */
export function Rows({ contexts, selection }: { contexts: readonly Context[]; selection: Selection }) {
  const ids = contexts.map(({ id }) => id);
  const all = ids.length > 0 && ids.every((id) => selection.ids.has(id));
  const selectable = can("write");
  return (
    <>
      {selectable && ids.length > 0 && (
        <label class="check select-all">
          <input type="checkbox" checked={all} onChange={() => selection.set(ids, !all)} />
          <span>{words.selectPage}</span>
        </label>
      )}
      <ul class="rows">
        {contexts.map((context) => (
          <li key={context.id}>
            <ContextRow
              context={context}
              before={
                selectable && (
                  <label class="check">
                    <input
                      type="checkbox"
                      checked={selection.ids.has(context.id)}
                      onChange={(event) => selection.set([context.id], event.currentTarget.checked)}
                    />
                    <span class="unseen">{words.select(context.text.slice(0, 60))}</span>
                  </label>
                )
              }
            />
          </li>
        ))}
      </ul>
    </>
  );
}

function without(ids: ReadonlySet<string>, others: Iterable<string>): ReadonlySet<string> {
  const left = new Set(ids);
  for (const id of others) left.delete(id);
  return left;
}
