import "./search.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, Empty, Page, Tabs } from "../../components/index.js";
import { path, query, setQuery } from "../../router.js";
import { strings } from "../../strings.js";
import { queryValues, readConfig, setNames } from "./config.js";
import { Hits, type Ranks } from "./hits.js";
import { Prompt } from "./prompt.js";
import { Settings } from "./settings.js";

const words = strings.search;
/** Prefix of the second configuration's values in the address. */
const SECOND = "b.";

export function SearchPage() {
  const values = query.value;
  const text = values.get("q")?.trim() ?? "";
  const prompt = values.get("view") === "prompt";
  const comparing = values.has("compare");
  const [ranks, setRanks] = useState<Ranks>(new Map());

  const compare = () => {
    const first = readConfig(values, "");
    setQuery(comparing ? { compare: null } : { compare: 1, ...(hasSecond(values) ? {} : queryValues(first, SECOND)) });
  };
  const addressOf = (view: string | null) => {
    const next = new URLSearchParams(values);
    if (view) next.set("view", view);
    else next.delete("view");
    return `#${path.value}?${next}`;
  };
  return (
    <Page
      title={words.title}
      actions={
        <Button aria-pressed={comparing} onClick={compare}>
          {words.compare}
        </Button>
      }
    >
      <QueryField text={values.get("q") ?? ""} />
      <Tabs
        label={words.views}
        tabs={[
          { to: addressOf(null), name: words.hits, current: !prompt },
          { to: addressOf("prompt"), name: words.prompt, current: prompt },
        ]}
      />
      <div class={comparing ? "columns" : undefined}>
        {(comparing ? ["", SECOND] : [""]).map((prefix, place) => {
          const config = readConfig(values, prefix);
          return (
            <section key={prefix} aria-label={comparing ? words.column(place) : words.results}>
              {comparing && <h2 class="column-title">{words.column(place)}</h2>}
              <Settings config={config} prompt={prompt} onChange={(part) => setQuery(queryValues(part, prefix))} />
              {!text ? (
                <Empty title={words.start}>{words.startHint}</Empty>
              ) : prompt ? (
                <Prompt query={text} config={config} />
              ) : (
                <Hits
                  query={text}
                  config={config}
                  parts={!values.has("plain")}
                  others={prefix && comparing ? ranks : undefined}
                  onRanks={prefix ? undefined : setRanks}
                />
              )}
            </section>
          );
        })}
      </div>
    </Page>
  );
}

/** The question. It goes into the address, and so to the server, when nobody has typed for a moment. */
function QueryField({ text }: { text: string }) {
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [typed, setTyped] = useState(text);
  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  useEffect(() => () => clearTimeout(timer.current), []);
  // The address changes by other hands too: the field of the navigation, a step back.
  const sent = useRef(text);
  useEffect(() => {
    if (text !== sent.current) setTyped(text);
    sent.current = text;
  }, [text]);

  const send = (text: string) => {
    clearTimeout(timer.current);
    sent.current = text;
    setQuery({ q: text });
  };
  return (
    <search>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send(typed);
        }}
      >
        <input
          ref={field}
          class="question"
          type="search"
          data-search
          data-keep-focus
          aria-label={words.question}
          placeholder={words.question}
          value={typed}
          onInput={({ currentTarget: { value } }) => {
            setTyped(value);
            clearTimeout(timer.current);
            timer.current = setTimeout(send, 200, value);
          }}
        />
      </form>
    </search>
  );
}

function hasSecond(values: URLSearchParams): boolean {
  return setNames(readConfig(values, SECOND)).length > 0;
}
