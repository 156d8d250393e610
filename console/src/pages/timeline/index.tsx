/** Sessions and scopes, each with its timeline. */
import "./timeline.css";
import { Page, Tabs } from "../../components/index.js";
import { OpenByName } from "../../contexts/open-by-name.js";
import { href, query } from "../../router.js";
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
          <OpenByName key="scope" label={strings.context.scope} to={(name) => href(["timeline", "scope", name])} />
          <Scopes />
        </>
      ) : (
        <>
          <OpenByName
            key="session"
            label={strings.context.session}
            to={(name) => href(["timeline", "session", name])}
          />
          <Sessions />
        </>
      )}
    </Page>
  );
}
