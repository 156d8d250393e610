import { useState } from "preact/hooks";
import { api, type Dropped, useResource } from "../../api/index.js";
import { Button, ContextLine, LevelBadge, Loading, Problem, Prose } from "../../components/index.js";
import { number, score } from "../../format.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";

const words = strings.search;

/** The candidates that were not chosen, by the reason for it. */
export function LeftOut({ dropped, repeats }: { dropped: readonly Dropped[]; repeats: number }) {
  if (!dropped.length && !repeats) return null;
  const reasons = [...new Set(dropped.map(({ reason }) => reason))];
  return (
    <details class="left-out">
      <summary>
        {words.leftOut}{" "}
        <span class="muted small">
          {reasons
            .map(
              (reason) => `${number(dropped.filter((one) => one.reason === reason).length)} ${words.reasons[reason]}`,
            )
            .join(" · ")}
        </span>
      </summary>
      {repeats > 0 && <p class="small muted">{words.repeats(number(repeats))}</p>}
      <ul class="rows">
        {dropped.map((one) => (
          <Candidate key={one.id} candidate={one} />
        ))}
      </ul>
    </details>
  );
}

function Candidate({ candidate: { id, level, reason, score: value } }: { candidate: Dropped }) {
  const [open, setOpen] = useState(false);
  return (
    <li class="candidate">
      <p class="line small">
        <span class="strong">{score(value)}</span>
        <LevelBadge level={level} />
        <span>{words.reasons[reason]}</span>
        <a href={href(["context", id])}>
          <code>{id}</code>
        </a>
        <Button kind="plain" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? words.hideText : words.showText}
        </Button>
      </p>
      {open && <Text id={id} />}
    </li>
  );
}

function Text({ id }: { id: string }) {
  const context = useResource((signal) => api().getContext(id, { signal }), [id]);
  if (!context.data) return context.error ? <Problem error={context.error} /> : <Loading />;
  return (
    <>
      <ContextLine context={context.data} />
      <Prose lines={6}>{context.data.text}</Prose>
    </>
  );
}
