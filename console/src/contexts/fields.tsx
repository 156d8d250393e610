/** The fields of a context that can be changed, for editing one and for adding one. */
import type { Level } from "../api/index.js";
import { Check, NumberField, Select, TextArea } from "../components/index.js";
import { strings } from "../strings.js";
import type { Draft } from "./draft.js";
import { LEVELS } from "./filters.js";

const words = strings.draft;

interface Props {
  draft: Draft;
  onChange: (change: Partial<Draft>) => void;
  /** True if the server would refuse another text. */
  textFixed?: boolean;
  /** True if what stands in the field is no JSON object. */
  metadataInvalid: boolean;
}

export function DraftFields({ draft, onChange, textFixed, metadataInvalid }: Props) {
  return (
    <>
      <TextArea
        label={words.text}
        hint={textFixed ? words.textFixed : undefined}
        rows={6}
        required
        readOnly={textFixed}
        value={draft.text}
        onInput={(text) => onChange({ text })}
      />
      <div class="fields">
        <Select
          label={words.level}
          options={LEVELS.map((level) => [level, strings.levels[level]] as const)}
          value={draft.level}
          onInput={(level) => onChange({ level: level as Level })}
        />
        <NumberField
          label={words.importance}
          hint={words.importanceHint}
          min={0}
          max={1}
          required
          value={draft.importance}
          onInput={(importance) => onChange({ importance })}
        />
        <NumberField
          label={words.ttl}
          hint={words.ttlHint}
          min={1}
          step={1}
          value={draft.ttl}
          onInput={(ttl) => onChange({ ttl })}
        />
      </div>
      <Check label={words.pinned} checked={draft.pinned} onChange={(pinned) => onChange({ pinned })} />
      <TextArea
        label={words.tags}
        hint={words.tagsHint}
        rows={2}
        value={draft.tags}
        onInput={(tags) => onChange({ tags })}
      />
      <TextArea
        label={words.metadata}
        hint={words.metadataHint}
        error={metadataInvalid ? words.metadataInvalid : undefined}
        code
        rows={4}
        spellcheck={false}
        value={draft.metadata}
        onInput={(metadata) => onChange({ metadata })}
      />
    </>
  );
}
