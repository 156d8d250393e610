import { Chart } from "../../components/chart.js";
import { Section, Table } from "../../components/index.js";
import { duration, fraction, milliseconds, number, percent } from "../../format.js";
import { strings } from "../../strings.js";
import { byRoute, type Reading, type RouteUse, steps } from "./readings.js";

/** Routes in the table. */
const SHOWN = 12;
const seconds = (value: number) => milliseconds(value * 1000);
const words = strings.overview;

/** Requests and latency over the readings. */
export function Traffic({ readings }: { readings: readonly Reading[] }) {
  const { times, rate, p50, p99 } = steps(readings);
  return (
    <Section title={words.traffic}>
      <div class="charts">
        <Chart
          title={words.requests}
          times={times}
          series={[{ name: words.perSecond, values: rate }]}
          format={fraction}
        />
        <Chart
          title={words.latency}
          times={times}
          series={[
            { name: "p50", values: p50 },
            { name: "p99", values: p99 },
          ]}
          format={seconds}
        />
      </div>
    </Section>
  );
}

/** The routes that are called most: since the first reading, or since the start of the server if none was called since. */
export function Routes({ readings }: { readings: readonly Reading[] }) {
  const first = readings[0];
  const last = readings.at(-1);
  if (!first || !last) return null;
  const recent = readings.length > 1 ? byRoute(first, last) : [];
  const routes = recent.length ? recent : byRoute(undefined, last);
  if (!routes.length) return null;
  const span = duration((last.at - first.at) / 1000);
  return (
    <Section title={recent.length ? words.routesRecent(span) : words.routesAll}>
      <RouteTable routes={routes.slice(0, SHOWN)} />
    </Section>
  );
}

function RouteTable({ routes }: { routes: readonly RouteUse[] }) {
  const [route, requests, rate, p50, p99, failed] = words.routeColumns;
  const time = (value: number | null) => (value === null ? "–" : seconds(value));
  return (
    <Table
      label={words.routes}
      rows={routes}
      id={({ name }) => name}
      columns={[
        { name: route, cell: ({ name }) => <code>{name}</code> },
        { name: requests, cell: (use) => number(use.requests), number: true },
        { name: rate, cell: ({ perSecond }) => fraction(perSecond), number: true },
        { name: p50, cell: (use) => time(use.p50), number: true },
        { name: p99, cell: (use) => time(use.p99), number: true },
        {
          name: failed,
          cell: (use) => <span class={use.failed ? "error" : undefined}>{percent(use.failed)}</span>,
          number: true,
        },
      ]}
    />
  );
}
