import { useState } from "preact/hooks";
import { type AuditRecord, api, useResource } from "../../api/index.js";
import {
  Button,
  Empty,
  Loading,
  Problem,
  Section,
  Slices,
  Table,
  TextField,
  Time,
  Value,
} from "../../components/index.js";
import { exactTime, number } from "../../format.js";
import { strings } from "../../strings.js";

const words = strings.operate.audit;

/** The newest records of the audit log. */
export function AuditPart() {
  const audit = useResource((signal) => api().listAudit({ limit: 1000 }, { signal }), []);
  const [word, setWord] = useState("");
  const records = audit.data?.records.filter((record) => holds(record, word.trim().toLowerCase()));
  return (
    <Section title={words.title} actions={<Button onClick={audit.reload}>{strings.app.reload}</Button>}>
      <p class="muted intro">{audit.data ? words.since(exactTime(audit.data.since)) : words.intro}</p>
      <Problem error={audit.error} retry={audit.reload} />
      {!records && audit.loading && <Loading />}
      {records && (
        <div class="stack">
          <TextField label={words.narrow} value={word} onInput={setWord} />
          <Slices items={records} empty={<Empty title={words.none} />}>
            {(shown) => (
              <Table
                label={words.title}
                rows={shown}
                id={({ at, request_id }) => at + request_id}
                columns={[
                  { name: words.at, cell: ({ at }) => <Time at={at} /> },
                  { name: words.who, cell: ({ who, tenant }) => <Who who={who} tenant={tenant} /> },
                  { name: words.what, cell: (record) => <What record={record} /> },
                  {
                    name: words.contexts,
                    cell: ({ contexts }) => (typeof contexts === "number" ? number(contexts) : ""),
                    number: true,
                  },
                  {
                    name: words.outcome,
                    cell: ({ outcome, status }) => (
                      <span class={`badge ${(status ?? 0) < 400 ? "good" : "danger"}`}>
                        {outcome} {status}
                      </span>
                    ),
                  },
                  { name: words.request, cell: ({ request_id }) => request_id && <code>{request_id}</code> },
                ]}
              />
            )}
          </Slices>
        </div>
      )}
    </Section>
  );
}

function Who({ who, tenant }: Pick<AuditRecord, "who" | "tenant">) {
  return (
    <>
      {who ? <Value code>{who}</Value> : <span class="muted">{words.nobody}</span>}
      {tenant && (
        <span class="small muted">
          {" "}
          {strings.app.tenant} <Value>{tenant}</Value>
        </span>
      )}
    </>
  );
}

function What({ record: { action, path, what } }: { record: AuditRecord }) {
  return (
    <>
      <Value>{action}</Value>
      {path && (
        <span class="small muted">
          {" "}
          <Value code>{path}</Value>
        </span>
      )}
      {what && (
        <span class="small">
          {" "}
          <Value>{what}</Value>
        </span>
      )}
    </>
  );
}

function holds(record: AuditRecord, word: string): boolean {
  return !word || Object.values(record).some((value) => String(value).toLowerCase().includes(word));
}
