import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Common {
  label: string;
  hint?: string;
  /** Reason for not taking the value. */
  error?: string;
}

interface Control extends Common {
  value: string;
  onInput: (value: string) => void;
  name?: string;
  disabled?: boolean;
  required?: boolean;
  autofocus?: boolean;
}

/** A control with its label, its hint and what is wrong with it. */
function Frame({ label, hint, error, id, children }: Common & { id: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {hint && (
        <p class="small muted" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="small error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

function described(id: string, { hint, error }: Pick<Common, "hint" | "error">) {
  const ids = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return { id, "aria-describedby": ids || undefined, "aria-invalid": error ? true : undefined };
}

interface TextFieldProps extends Control {
  placeholder?: string;
  spellcheck?: boolean;
}

/** A field for one line. */
export function TextField({ label, hint, error, onInput, ...rest }: TextFieldProps) {
  const id = useId();
  return (
    <Frame {...{ label, hint, error, id }}>
      <input
        type="text"
        autocomplete="off"
        {...rest}
        {...described(id, { hint, error })}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </Frame>
  );
}

/** A field for a point in time, in the reader's zone. */
export function TimeField({ label, hint, error, onInput, ...rest }: Control) {
  const id = useId();
  return (
    <Frame {...{ label, hint, error, id }}>
      <input
        type="datetime-local"
        {...rest}
        {...described(id, { hint, error })}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </Frame>
  );
}

interface NumberFieldProps extends Control {
  min?: number;
  max?: number;
  step?: number;
  placeholder?: string;
}

/** A field for a number; empty is a value as well. */
export function NumberField({ label, hint, error, onInput, ...rest }: NumberFieldProps) {
  const id = useId();
  return (
    <Frame {...{ label, hint, error, id }}>
      <input
        type="number"
        step="any"
        {...rest}
        {...described(id, { hint, error })}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </Frame>
  );
}

interface TextAreaProps extends Control {
  rows?: number;
  /** True for a text in a formal language. */
  code?: boolean;
  readOnly?: boolean;
  placeholder?: string;
  spellcheck?: boolean;
}

/** A field for several lines. */
export function TextArea({ label, hint, error, onInput, code, ...rest }: TextAreaProps) {
  const id = useId();
  return (
    <Frame {...{ label, hint, error, id }}>
      <textarea
        dir="auto"
        class={code ? "code" : undefined}
        {...rest}
        {...described(id, { hint, error })}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </Frame>
  );
}

interface SelectProps extends Control {
  /** Values with their words. */
  options: readonly (readonly [value: string, text: string])[];
}

export function Select({ label, hint, error, onInput, options, value, ...rest }: SelectProps) {
  const id = useId();
  return (
    <Frame {...{ label, hint, error, id }}>
      <select {...rest} {...described(id, { hint, error })} onChange={(event) => onInput(event.currentTarget.value)}>
        {options.map(([option, text]) => (
          <option key={option} value={option} selected={option === value}>
            {text}
          </option>
        ))}
      </select>
    </Frame>
  );
}

interface CheckProps {
  label: ComponentChildren;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}

export function Check({ label, checked, onChange, disabled }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}
