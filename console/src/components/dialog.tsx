import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useAction } from "../api/index.js";
import { strings } from "../strings.js";
import { Button } from "./button.js";
import { TextField } from "./field.js";
import { Problem } from "./states.js";

interface Props {
  title: string;
  /** Called when it is closed by Escape or its button. Without it, it cannot be closed. */
  onClose?: () => void;
  children: ComponentChildren;
}

/** A modal dialog: the browser keeps the focus inside and gives it back. Render it while it is open. */
export function Dialog({ title, onClose, children }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onClose={({ currentTarget }) => {
        // A browser closes at the second Escape whatever the page says.
        if (!currentTarget.isConnected) return;
        if (onClose) onClose();
        else currentTarget.showModal();
      }}
    >
      <header class="dialog-header">
        <h2 id={id}>{title}</h2>
        {onClose && (
          <Button
            kind="plain"
            icon="close"
            aria-label={strings.app.close}
            title={strings.app.close}
            onClick={onClose}
          />
        )}
      </header>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** Word or number to type first; without it the button is enough. */
  phrase?: string;
  /** Words on the button. */
  action: string;
  danger?: boolean;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  children?: ComponentChildren;
}

/** A question before something that cannot be undone. It stays open with the error if the action fails. */
export function Confirm({ title, phrase, action, danger, onConfirm, onClose, children }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const { busy, error, run } = useAction();
  const confirm = async (event: Event) => {
    event.preventDefault();
    if (await run(onConfirm)) onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={confirm}>
        {children}
        {phrase !== undefined && (
          <TextField label={strings.confirm.type(phrase)} value={typed} onInput={setTyped} autofocus />
        )}
        <Problem error={error} />
        <footer class="actions end">
          <Button onClick={onClose}>{strings.app.cancel}</Button>
          <Button
            type="submit"
            kind={danger ? "danger" : "primary"}
            busy={busy}
            disabled={phrase !== undefined && typed.trim() !== phrase}
          >
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
