/** What is known about a person, with the ways to take it out and to forget it. */
import { useState } from "preact/hooks";
import {
  api,
  type Context,
  caller,
  can,
  type ForgottenUser,
  useAction,
  usePages,
  useResource,
} from "../../api/index.js";
import {
  Button,
  ButtonLink,
  Confirm,
  ContextRow,
  Empty,
  Facts,
  Figure,
  Page,
  PagedList,
  Problem,
  Section,
  Value,
} from "../../components/index.js";
import { LEVELS } from "../../contexts/filters.js";
import { count, number } from "../../format.js";
import { isGone, notify } from "../../notices.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";
import { download } from "./download.js";
import { fileName, toJsonLines } from "./export.js";
import { facets } from "./facets.js";
import { Receipt } from "./receipt.js";

const words = strings.people;

const PAGE_SIZE = 50;
const MOST = 8;

export function PersonPage({ user_id }: { user_id: string }) {
  const [forgetting, setForgetting] = useState(false);
  const [forgotten, setForgotten] = useState<ForgottenUser>();
  const contexts = usePages(
    (cursor, signal) => api().listContexts({ user_id, limit: PAGE_SIZE, cursor }, { signal }),
    (page) => page.contexts,
    [user_id],
  );
  const counts = useResource(
    (signal) => api().countContexts({ filter: { user_id }, include_superseded: true }, { signal }),
    [user_id],
  );
  const total = counts.data?.total;

  const forget = async () => {
    setForgotten(await api().forgetUser(user_id));
    contexts.reload();
    counts.reload();
  };

  return (
    <Page
      title={words.person}
      subject={user_id}
      actions={
        <>
          <ButtonLink to={href(["browse"], { user_id })} icon="browse">
            {words.browse}
          </ButtonLink>
          <ButtonLink to={href(["map"], { user_id })} icon="map">
            {words.map}
          </ButtonLink>
          <Export user_id={user_id} />
          {can("write") && (
            <Button icon="trash" kind="danger" onClick={() => setForgetting(true)}>
              {words.forget.open}
            </Button>
          )}
        </>
      }
    >
      <div role="status">
        {forgotten && <Receipt tenant={caller.value?.tenant ?? ""} user_id={user_id} forgotten={forgotten} />}
      </div>
      <Problem error={counts.error} retry={counts.reload} />
      {counts.data && (
        <div class="figures">
          <Figure name={strings.activity.contexts}>{number(counts.data.total)}</Figure>
          {LEVELS.map((level) => (
            <Figure key={level} name={strings.levels[level]}>
              {number(counts.data?.contexts[level] ?? 0)}
            </Figure>
          ))}
        </div>
      )}
      <Known contexts={contexts.pages[0] ?? []} user_id={user_id} />
      <Section title={words.newest}>
        <PagedList paging={contexts} empty={<Empty title={words.nothing} />}>
          {(page) => (
            <ul class="rows">
              {page
                .filter(({ id }) => !isGone(id))
                .map((context) => (
                  <li key={context.id}>
                    <ContextRow context={context} />
                  </li>
                ))}
            </ul>
          )}
        </PagedList>
      </Section>
      {forgetting && (
        <Confirm
          title={words.forget.title}
          phrase={user_id}
          action={words.forget.action}
          danger
          onConfirm={forget}
          onClose={() => setForgetting(false)}
        >
          <p>
            <Value>{user_id}</Value>
          </p>
          <p>{words.forget.question(total === undefined ? strings.contexts[1] : count(total, strings.contexts))}</p>
        </Confirm>
      )}
    </Page>
  );
}

/** What occurs most in the newest contexts of the person. */
function Known({ contexts, user_id }: { contexts: readonly Context[]; user_id: string }) {
  if (!contexts.length) return null;
  const browse = (name: string) => (value: string) => href(["browse"], { user_id, [name]: value });
  const groups = [
    { name: words.scopes, of: ({ scope }: Context) => [scope], to: browse("scope_prefix") },
    { name: words.sessions, of: ({ session_id }: Context) => [session_id], to: browse("session_id") },
    { name: words.agents, of: ({ agent_id }: Context) => [agent_id], to: browse("agent_id") },
    { name: words.tags, of: ({ tags }: Context) => tags, to: browse("tag") },
  ];
  return (
    <Section title={words.known(count(contexts.length, strings.contexts))}>
      <Facts
        facts={groups.map(({ name, of, to }) => {
          const found = facets(contexts, of, MOST);
          return [
            name,
            found.length > 0 && (
              <span class="line">
                {found.map(({ value, count }) => (
                  <span key={value}>
                    <a href={to(value)}>
                      <Value>{value}</Value>
                    </a>{" "}
                    <span class="muted small">{number(count)}</span>
                  </span>
                ))}
              </span>
            ),
          ] as const;
        })}
      />
    </Section>
  );
}

function Export({ user_id }: { user_id: string }) {
  const [read, setRead] = useState(0);
  const exporting = useAction();
  const run = () =>
    exporting.run(async () => {
      setRead(0);
      try {
        let total = 0;
        const contexts = api().listContexts({ user_id, include_superseded: true, limit: 500 });
        const file = await toJsonLines(contexts, (count) => {
          total = count;
          setRead(count);
        });
        download(file, fileName("contexts", user_id, new Date(), "jsonl"));
        notify(words.exported(count(total, strings.contexts)));
      } catch (error) {
        notify(words.exportFailed, error);
      }
    });
  return (
    <Button icon="download" busy={exporting.busy} onClick={run}>
      {exporting.busy ? words.exporting(count(read, strings.contexts)) : words.export}
    </Button>
  );
}
