/** The receipt for a person who was forgotten. */
import type { ForgottenUser } from "../../api/index.js";
import { Button, Copy, Facts, Value } from "../../components/index.js";
import { LEVELS } from "../../contexts/filters.js";
import { exactTime, number } from "../../format.js";
import { strings } from "../../strings.js";
import { download } from "./download.js";
import { fileName } from "./export.js";

const words = strings.people.forget;

interface Props {
  tenant: string;
  user_id: string;
  forgotten: ForgottenUser;
}

export function Receipt({ tenant, user_id, forgotten }: Props) {
  const { receipt, deleted, levels, derived, working_memory, pending, rounds } = forgotten;
  const save = () => {
    const text = JSON.stringify({ tenant, user_id, ...forgotten }, null, 2);
    const name = fileName("receipt", user_id, new Date(receipt.time), "json");
    download(new Blob([`${text}\n`], { type: "application/json" }), name);
  };
  return (
    <section class="card stack receipt" aria-label={words.receipt}>
      <h2>{words.forgotten}</h2>
      <Facts
        facts={[
          [strings.context.user, <Value key="user">{user_id}</Value>],
          [words.time, exactTime(receipt.time)],
          [words.deleted, number(deleted)],
          ...LEVELS.map((level) => [strings.levels[level], number(levels[level])] as const),
          [words.derived, number(derived)],
          [words.memory, number(working_memory)],
          [words.pending, number(pending)],
          [words.rounds, number(rounds)],
          [
            words.hash,
            <span key="hash">
              <Value code>{receipt.hash}</Value> <Copy text={receipt.hash} />
            </span>,
          ],
        ]}
      />
      <p class="small muted">{words.hashHint(words.hashLines)}</p>
      <p class="small muted">{words.keep}</p>
      <div class="actions">
        <Button icon="download" onClick={save}>
          {words.download}
        </Button>
      </div>
    </section>
  );
}
