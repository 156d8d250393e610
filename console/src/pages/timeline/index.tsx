/** Sessions and scopes, each with its timeline. */
import "./timeline.css";
import { useState } from "preact/hooks";
import { Button, Page, Tabs, TextField } from "../../components/index.js";
import { go, href, query } from "../../router.js";
import { strings } from "../../strings.js";
import { Scopes } from "./scopes.js";
import { Sessions } from "./sessions.js";

const words = strings.timeline;

export function TimelinePage() {
  const byScope = query.value.get("by") === "scope";
  return (
    <Page title={words.title}>
      <Tabs
        label={words.by}
        tabs={[
          { to: href(["timeline"]), name: words.sessions, current: !byScope },
          { to: href(["timeline"], { by: "scope" }), name: words.scopes, current: byScope },
        ]}
      />
      {byScope ? (
        <>
          <Open key="scope" kind="scope" label={strings.context.scope} />
          <Scopes />
        </>
      ) : (
        <>
          <Open key="session" kind="session" label={strings.context.session} />
          <Sessions />
        </>
      )}
    </Page>
  );
}

/** A field for what the reader knows by name. */
function Open({ kind, label }: { kind: "session" | "scope"; label: string }) {
  const [name, setName] = useState("");
  const open = (event: Event) => {
    event.preventDefault();
    if (name.trim()) go(href(["timeline", kind, name.trim()]));
  };
  return (
    <form class="open-by-name" onSubmit={open}>
      <TextField label={label} spellcheck={false} value={name} onInput={setName} />
      <Button type="submit">{words.open}</Button>
    </form>
  );
}
