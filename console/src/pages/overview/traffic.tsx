import { Chart } from "../../components/chart.js";
import { Section } from "../../components/index.js";
import { duration, fraction, milliseconds, number, percent } from "../../format.js";
import { strings } from "../../strings.js";
import { byRoute, type Reading, type RouteUse, steps } from "./readings.js";

/** Routes in the table. */
const SHOWN = 12;
const seconds = (value: number) => milliseconds(value * 1000);
const words = strings.overview;

/** Requests and latency: as lines over the readings, and by route. */
export function Traffic({ readings }: { readings: readonly Reading[] }) {
  const { times, rate, p50, p99 } = steps(readings);
  const first = readings[0];
  const last = readings.at(-1);
  if (!first || !last) return null;
  const recent = readings.length > 1 ? byRoute(first, last) : [];
  const routes = recent.length ? recent : byRoute(undefined, last);
  const span = duration((last.at - first.at) / 1000);
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
      <h3 class="caption" id="routes">
        {recent.length ? words.routesRecent(span) : words.routesAll}
      </h3>
      {routes.length > 0 && <Routes routes={routes.slice(0, SHOWN)} />}
    </Section>
  );
}

function Routes({ routes }: { routes: readonly RouteUse[] }) {
  const [route, requests, rate, p50, p99, failed] = words.routeColumns;
  return (
    <div class="table">
      <table aria-labelledby="routes">
        <thead>
          <tr>
            <th scope="col">{route}</th>
            {[requests, rate, p50, p99, failed].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {routes.map((use) => (
            <tr key={use.name}>
              <td data-label={route}>
                <code>{use.name}</code>
              </td>
              <td class="number" data-label={requests}>
                {number(use.requests)}
              </td>
              <td class="number" data-label={rate}>
                {fraction(use.perSecond)}
              </td>
              <td class="number" data-label={p50}>
                {use.p50 === null ? "–" : seconds(use.p50)}
              </td>
              <td class="number" data-label={p99}>
                {use.p99 === null ? "–" : seconds(use.p99)}
              </td>
              <td class={use.failed ? "number error" : "number"} data-label={failed}>
                {percent(use.failed)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
