import { useEffect, useRef, useState } from "preact/hooks";
import { signIn, useAction } from "./api/index.js";
import { Button, Docs, moveFocus, Problem } from "./components/index.js";
import { strings } from "./strings.js";

/** A form for the key, such that password managers fill it. */
export function SignIn({ hint }: { hint: string }) {
  const [shown, setShown] = useState(false);
  const { busy, error, run } = useAction();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    moveFocus();
  }, []);
  useEffect(() => {
    if (field.current) field.current.type = shown ? "text" : "password";
  }, [shown]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!(await run(() => signIn(field.current?.value)))) field.current?.select();
  };
  return (
    <form class="sign-in" method="post" onSubmit={submit}>
      <p>{hint}</p>
      <input
        class="unseen"
        type="text"
        name="username"
        autocomplete="username"
        value={strings.app.name}
        readOnly
        tabIndex={-1}
        aria-hidden="true"
      />
      <div class="field">
        <label for="key">{strings.signIn.key}</label>
        <div class="joined">
          <input
            ref={field}
            id="key"
            name="password"
            type="password"
            autocomplete="current-password"
            spellcheck={false}
            autofocus
            required
            aria-describedby="key-hint"
          />
          <Button aria-pressed={shown} onClick={() => setShown(!shown)}>
            {shown ? strings.signIn.hide : strings.signIn.show}
          </Button>
        </div>
        <p class="small muted" id="key-hint">
          {strings.signIn.keyHint}
        </p>
      </div>
      <Problem error={error} />
      <div class="actions">
        <Button type="submit" kind="primary" busy={busy}>
          {busy ? strings.signIn.busy : strings.signIn.action}
        </Button>
        <Docs page="how-to/keys.md">{strings.signIn.how}</Docs>
      </div>
    </form>
  );
}
