import { Check, NumberField, Select, TextField } from "../../components/index.js";
import { strings } from "../../strings.js";
import { type Config, FORMATS, LEVELS, MODES, ORDERS, ORIGINS, setNames } from "./config.js";

const words = strings.search;

interface Props {
  config: Config;
  /** True where a prompt is assembled: it has settings of its own. */
  prompt: boolean;
  onChange: (part: Partial<Config>) => void;
}

/** The settings of a search, folded away; what is set stands in the heading. */
export function Settings({ config, prompt, onChange }: Props) {
  const set = setNames(config);
  const text = (name: Exclude<keyof Config, "level">) => ({
    label: words.settings[name],
    value: config[name],
    onInput: (value: string) => onChange({ [name]: value }),
  });
  return (
    <details class="settings">
      <summary>
        {words.settingsTitle}{" "}
        <span class="muted small">
          {set.length
            ? set.map((name) => `${words.settings[name]}: ${String(config[name])}`).join(" · ")
            : words.defaults}
        </span>
      </summary>
      <div class="fields">
        <Select {...text("mode")} options={MODES.map((mode) => [mode === "hybrid" ? "" : mode, words.modes[mode]])} />
        <TextField {...text("user_id")} />
        <TextField {...text("agent_id")} />
        <TextField {...text("session_id")} hint={words.sessionHint} />
        <TextField {...text("scope_prefix")} />
        <TextField {...text("tag")} />
        <Select
          {...text("origin")}
          options={[["", strings.filters.all], ...ORIGINS.map((origin) => [origin, strings.origins[origin]] as const)]}
        />
        <NumberField {...text("min_score")} min={0} max={1} step={0.05} placeholder={words.unset} />
        <NumberField {...text("diversity")} min={0} max={1} step={0.1} placeholder="0" />
        <NumberField {...text("limit")} min={1} max={1000} step={1} placeholder="20" />
        <NumberField {...text("max_tokens")} min={1} step={1} placeholder={prompt ? "2000" : words.unset} />
        {prompt && (
          <>
            <Select
              {...text("format")}
              options={FORMATS.map((format) => [format === "markdown" ? "" : format, words.formats[format]])}
            />
            <Select
              {...text("order")}
              options={ORDERS.map((order) => [order === "relevance" ? "" : order, words.orders[order]])}
            />
          </>
        )}
      </div>
      <fieldset class="checks">
        <legend>{words.settings.level}</legend>
        {LEVELS.map((level) => (
          <Check
            key={level}
            label={strings.levels[level]}
            checked={!config.level.length || config.level.includes(level)}
            onChange={(checked) => onChange({ level: levelsWith(config.level, level, checked) })}
          />
        ))}
        <Check
          label={words.settings.only_session}
          checked={config.only_session !== ""}
          disabled={!config.session_id}
          onChange={(checked) => onChange({ only_session: checked ? "1" : "" })}
        />
        <Check
          label={words.settings.superseded}
          checked={config.superseded !== ""}
          onChange={(checked) => onChange({ superseded: checked ? "1" : "" })}
        />
      </fieldset>
    </details>
  );
}

/** The levels with one more or less; none stands for all. */
function levelsWith(levels: readonly string[], level: string, checked: boolean): string[] {
  const now = levels.length ? levels : LEVELS;
  const next = LEVELS.filter((one) => (one === level ? checked : now.includes(one)));
  return next.length === LEVELS.length ? [] : next;
}
