import { useEffect, useRef, useState } from "preact/hooks";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "../theme.js";

export interface Series {
  name: string;
  /** One for each time; null where there is none. */
  values: readonly (number | null)[];
}

interface Props {
  title: string;
  /** Seconds since 1970. */
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
}

const HEIGHT = 140;
const time = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

/** Lines over time. The legend has the numbers of the newest time, or of the one that is pointed at. */
export function Chart({ title, times, series, format }: Props) {
  const frame = useRef<HTMLElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(null);
  const [pointed, setPointed] = useState<number>();
  const formatted = useRef(format);
  formatted.current = format;
  const names = series.map(({ name }) => name).join();

  useEffect(() => {
    const element = place.current;
    if (!element || !frame.current) return;
    plot.current = new UPlot(
      options(frame.current, element.clientWidth, names.split(","), formatted, setPointed),
      [],
      element,
    );
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.current?.destroy();
    };
  }, [names]);

  useEffect(() => {
    plot.current?.setData([[...times], ...series.map(({ values }) => [...values])] as UPlot.AlignedData);
  }, [times, series]);

  const dark = theme.value;
  useEffect(() => plot.current?.redraw(), [dark]);

  const at = pointed ?? times.length - 1;
  return (
    <figure class="chart" ref={frame}>
      <figcaption class="line small">
        <span class="strong">{title}</span>
        {series.map(({ name, values }) => (
          <span key={name} class="legend">
            {name} <span class="legend-value">{typeof values[at] === "number" ? format(values[at]) : "–"}</span>
          </span>
        ))}
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

function options(
  frame: HTMLElement,
  width: number,
  names: string[],
  format: { current: (value: number) => string },
  point: (index: number | undefined) => void,
): UPlot.Options {
  // The colours are those that the style sheet gives the legend, whatever the theme is by then.
  const colour = (query: string, property: "color" | "borderTopColor" = "color") => {
    const element = frame.querySelector(query) ?? frame;
    return getComputedStyle(element)[property];
  };
  const axis: UPlot.Axis = {
    stroke: () => colour("figcaption"),
    grid: { stroke: () => colour("figcaption", "borderTopColor"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { range: ({ data: [times] }) => minuteOrMore(times) },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      { ...axis, values: (_, seconds) => seconds.map((at) => time.format(at * 1000)), space: 80, size: 26 },
      { ...axis, values: (_, values) => values.map((value) => format.current(value)), size: 58 },
    ],
    series: [
      {},
      ...names.map((_, place) => ({
        stroke: () => colour(`.legend:nth-of-type(${place + 2})`),
        width: 1.6,
        points: { show: ({ data }: UPlot) => data[0].length < 3 },
        spanGaps: true,
      })),
    ],
    hooks: { setCursor: [({ cursor }) => point(cursor.idx ?? undefined)] },
  };
}

/** The span of the times; the first ones stand at the right end of a minute. */
function minuteOrMore(times: ArrayLike<number>): [number, number] {
  const last = times[times.length - 1] ?? Date.now() / 1000;
  return [Math.min(times[0] ?? last, last - 60), last];
}
