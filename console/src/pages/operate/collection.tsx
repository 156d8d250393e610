import { useState } from "preact/hooks";
import { api, type GcReport, useAction } from "../../api/index.js";
import { Button, Confirm, Docs, LevelBadge, Problem, Section, Slices, Table } from "../../components/index.js";
import { count, milliseconds, number } from "../../format.js";
import { href } from "../../router.js";
import { strings } from "../../strings.js";

const words = strings.operate.collection;

/** A garbage collection for the caller's tenant: what it would do, and doing it. */
export function CollectionPart() {
  const [report, setReport] = useState<GcReport>();
  const [asking, setAsking] = useState(false);
  const trying = useAction();
  const collect = async (dry_run: boolean) => setReport(await api().collectGarbage({ dry_run }));
  return (
    <Section
      title={words.title}
      actions={
        <>
          <Button kind="primary" busy={trying.busy} onClick={() => trying.run(() => collect(true))}>
            {words.dryRun}
          </Button>
          <Button kind="danger" onClick={() => setAsking(true)}>
            {words.run}
          </Button>
        </>
      }
    >
      <p class="muted intro">
        {words.intro} <Docs page="how-to/retention.md">{words.docs}</Docs>
      </p>
      <Problem error={trying.error} />
      {report && <Report report={report} />}
      {asking && (
        <Confirm
          title={words.runTitle}
          action={words.run}
          danger
          onConfirm={() => collect(false)}
          onClose={() => setAsking(false)}
        >
          <p>{report?.dry_run ? words.runKnown(count(report.deleted, strings.contexts)) : words.runUnknown}</p>
        </Confirm>
      )}
    </Section>
  );
}

function Report({ report }: { report: GcReport }) {
  return (
    <div class="stack">
      <p role="status">
        <span class="strong">{report.dry_run ? words.would : words.did}</span>{" "}
        {report.counts.length ? words.took(milliseconds(report.took_ms)) : words.nothing}
        {report.errors > 0 && <span class="error"> {words.errors(number(report.errors))}</span>}
      </p>
      {report.counts.length > 0 && (
        <Table
          label={words.counts}
          rows={report.counts}
          id={({ action, level, reason }) => `${action} ${level} ${reason}`}
          columns={[
            { name: words.action, cell: ({ action }) => words.actions[action] },
            { name: words.level, cell: ({ level }) => <LevelBadge level={level} /> },
            { name: words.reason, cell: ({ reason }) => (reason ? (words.reasons[reason] ?? reason) : "") },
            { name: words.number, cell: ({ count }) => number(count), number: true },
          ]}
        />
      )}
      {report.contexts.length > 0 && (
        <>
          <h3>{report.truncated ? words.firstContexts(number(report.contexts.length)) : words.contexts}</h3>
          <Slices items={report.contexts}>
            {(shown) => (
              <Table
                label={words.contexts}
                rows={shown}
                id={({ id, action }) => id + action}
                columns={[
                  {
                    name: words.context,
                    cell: ({ id }) => (
                      <a href={href(["context", id])}>
                        <code>{id}</code>
                      </a>
                    ),
                  },
                  { name: words.action, cell: ({ action }) => words.actions[action] },
                  { name: words.level, cell: ({ level }) => <LevelBadge level={level} /> },
                  {
                    name: words.reason,
                    cell: ({ reason, policy }) =>
                      [reason && (words.reasons[reason] ?? reason), policy].filter(Boolean).join(": "),
                  },
                ]}
              />
            )}
          </Slices>
        </>
      )}
    </div>
  );
}
