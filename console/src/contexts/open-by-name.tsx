/** A field for what the reader knows by name. */
import "./open-by-name.css";
import { useState } from "preact/hooks";
import { Button, TextField } from "../components/index.js";
import { go } from "../router.js";
import { strings } from "../strings.js";

interface Props {
  label: string;
  /** Address of the page of a name. */
  to: (name: string) => string;
}

export function OpenByName({ label, to }: Props) {
  const [name, setName] = useState("");
  const open = (event: Event) => {
    event.preventDefault();
    if (name.trim()) go(to(name.trim()));
  };
  return (
    <form class="open-by-name" onSubmit={open}>
      <TextField label={label} spellcheck={false} value={name} onInput={setName} />
      <Button type="submit">{strings.app.open}</Button>
    </form>
  );
}
