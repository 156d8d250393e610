import "./overview.css";
import { useEffect, useState } from "preact/hooks";
import { api, can, Forbidden, usePolled } from "../../api/index.js";
import { Loading, Page, Problem } from "../../components/index.js";
import { strings } from "../../strings.js";
import { Attention } from "./attention.js";
import { HealthParts, Since } from "./health.js";
import { Levels } from "./levels.js";
import { parse } from "./prometheus.js";
import { addReading, readings } from "./readings.js";
import { Routes, Traffic } from "./traffic.js";
import { Upkeep } from "./upkeep.js";

/** Milliseconds between two looks. */
const EVERY = 5000;
const once = { maxRetries: 0 };

/** Is it well, in one look. */
export function OverviewPage() {
  const health = usePolled((signal) => api().getHealth({}, { signal, ...once }), EVERY);
  const stats = usePolled(can("read") ? (signal) => api().getStats({ signal, ...once }) : undefined, EVERY);
  const closed = useMetrics();
  const list = readings.value;
  const last = list.at(-1);

  return (
    <Page title={strings.overview.title} actions={health.data && <Since health={health.data} />}>
      <Problem error={health.error ?? stats.error} retry={health.reload} />
      {health.data ? <Attention health={health.data} readings={list} /> : !health.error && <Loading />}
      {stats.data && <Levels stats={stats.data} />}
      {closed ? <p class="muted section">{strings.overview.metricsClosed}</p> : last && <Traffic readings={list} />}
      {health.data && <HealthParts health={health.data} />}
      {stats.data && <Upkeep stats={stats.data} reading={last} />}
      {!closed && <Routes readings={list} />}
    </Page>
  );
}

/** Reads the metrics again and again; true if the caller may not. */
function useMetrics(): boolean {
  const [closed, setClosed] = useState(false);
  const read = async (signal: AbortSignal) => addReading(parse(await api().getMetrics({ signal, ...once })));
  const { error } = usePolled(closed ? undefined : read, EVERY);
  useEffect(() => {
    if (error instanceof Forbidden) setClosed(true);
  }, [error]);
  return closed;
}
