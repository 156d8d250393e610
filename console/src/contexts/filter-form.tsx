/** The form of the filters. What is typed counts after a pause. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Level } from "../api/index.js";
import { Button, Check, Select, TextField } from "../components/index.js";
import { strings } from "../strings.js";
import { type Filters, LEVELS, narrows, TEXT_FILTERS } from "./filters.js";

interface Props {
  filters: Filters;
  onChange: (change: Filters) => void;
  /** True if replaced contexts can be included. */
  superseded?: boolean;
}

const PAUSE = 350;

/** Names of the filters that are typed. */
export const labels = {
  user_id: strings.filters.user,
  agent_id: strings.filters.agent,
  session_id: strings.filters.session,
  scope_prefix: strings.filters.scope,
  tag: strings.filters.tag,
};

export function FilterForm({ filters, onChange, superseded }: Props) {
  const clear = () => onChange(Object.fromEntries(["level", ...TEXT_FILTERS].map((name) => [name, undefined])));
  return (
    <form class="filters" aria-label={strings.filters.title} onSubmit={(event) => event.preventDefault()}>
      <div class="fields">
        <Select
          label={strings.filters.level}
          options={[["", strings.filters.all], ...LEVELS.map((level) => [level, strings.levels[level]] as const)]}
          value={filters.level ?? ""}
          onInput={(level) => onChange({ level: (level || undefined) as Level | undefined })}
        />
        {TEXT_FILTERS.map((name) => (
          <TypedFilter
            key={name}
            label={labels[name]}
            value={filters[name] ?? ""}
            onChange={(value) => onChange({ [name]: value || undefined })}
          />
        ))}
      </div>
      <div class="actions">
        {superseded && (
          <Check
            label={strings.browse.superseded}
            checked={filters.include_superseded === true}
            onChange={(include_superseded) => onChange({ include_superseded: include_superseded || undefined })}
          />
        )}
        {narrows(filters) && (
          <Button kind="plain" icon="close" onClick={clear}>
            {strings.filters.clear}
          </Button>
        )}
      </div>
    </form>
  );
}

function TypedFilter({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const told = useRef(value);
  const tell = useRef(onChange);
  tell.current = onChange;

  useEffect(() => {
    if (value !== told.current) setTyped(value);
    told.current = value;
  }, [value]);
  useEffect(() => {
    if (typed.trim() === told.current) return;
    const timer = setTimeout(() => {
      told.current = typed.trim();
      tell.current(told.current);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [typed]);

  return <TextField label={label} spellcheck={false} value={typed} onInput={setTyped} />;
}
