import { useEffect, useState } from "preact/hooks";
import { api, useAction, useResource } from "../../api/index.js";
import { Button, Loading, Problem, Section, TextField } from "../../components/index.js";
import { notify } from "../../notices.js";
import { strings } from "../../strings.js";

const words = strings.operate.log;
const LEVELS = ["error", "warn", "info", "debug", "trace"] as const;

/** The filter of the server's log. */
export function LogPart() {
  const filter = useResource((signal) => api().getLogFilter({ signal }), []);
  const [typed, setTyped] = useState("");
  const saving = useAction();
  const present = filter.data?.filter;
  useEffect(() => setTyped(present ?? ""), [present]);
  const save = async () => {
    filter.set(await api().setLogFilter({ filter: typed }));
    notify(words.saved);
  };
  return (
    <Section title={words.title}>
      <p class="muted intro">{words.intro}</p>
      <Problem error={filter.error} retry={filter.reload} />
      {present === undefined && filter.loading && <Loading />}
      {present !== undefined && (
        <form
          class="card stack"
          onSubmit={(event) => {
            event.preventDefault();
            saving.run(save);
          }}
        >
          <TextField
            label={words.filter}
            hint={words.hint}
            value={typed}
            onInput={setTyped}
            spellcheck={false}
            required
          />
          <div class="actions">
            {LEVELS.map((level) => (
              <Button key={level} aria-pressed={typed === level} onClick={() => setTyped(level)}>
                {level}
              </Button>
            ))}
          </div>
          <Problem error={saving.error} />
          <div class="actions">
            <Button type="submit" kind="primary" busy={saving.busy} disabled={typed === present}>
              {strings.app.save}
            </Button>
          </div>
        </form>
      )}
    </Section>
  );
}
