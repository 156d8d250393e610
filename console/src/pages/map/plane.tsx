/** The canvas of the map, for pointers and keys. */
import { useCallback, useEffect, useId, useRef, useState } from "preact/hooks";
import type { ContextMap } from "../../api/index.js";
import { Button } from "../../components/index.js";
import { strings } from "../../strings.js";
import { theme } from "../../theme.js";
import { type Frame, fit, nearest, reveal, towards, zoom } from "./frame.js";
import { useGestures } from "./gestures.js";
import { paint } from "./paint.js";
import type { Grouping } from "./points.js";

const words = strings.map;

interface Props {
  map: ContextMap;
  grouping: Grouping;
  /** The group that stands out. */
  only: number | undefined;
  /** Position of the selected point, or -1. */
  selected: number;
  onSelect: (point: number) => void;
  onHover: (point: number) => void;
}

const MARGIN = 16;
/** Pixels from a point within which a pointer means it. */
const REACH = 12;
const STEP = 1.4;
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function Plane({ map, grouping, only, selected, onSelect, onHover }: Props) {
  const plane = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [frame, setFrame] = useState<Frame>();
  const [hovered, setHovered] = useState(-1);
  const dark = useDark();
  const id = useId();

  useEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(() => setFrame(fit(element.clientWidth, element.clientHeight, MARGIN)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const element = canvas.current!;
    if (!frame) return;
    const request = requestAnimationFrame(() => {
      const colours = grouping.groups.map((_, i) => colour(element, `--series-${i + 1}`));
      const mark = colour(element, "--text");
      paint(element, frame, {
        places: map,
        levels: map.levels,
        groups: grouping.of,
        colours,
        only,
        mark,
        hovered,
        selected,
      });
    });
    return () => cancelAnimationFrame(request);
  }, [map, grouping, frame, only, hovered, selected, dark]);

  const move = useCallback((change: (frame: Frame) => Frame) => setFrame((frame) => frame && change(frame)), []);
  const at = (point?: [number, number]) => (frame && point ? nearest(map, frame, point[0], point[1], REACH) : -1);

  useGestures(plane, {
    move,
    hover: (point) => {
      const next = at(point);
      if (next === hovered) return;
      setHovered(next);
      onHover(next);
    },
    pick: (point) => onSelect(at(point)),
  });

  // A point that is selected, here or in the list, is seen.
  useEffect(() => {
    const { clientWidth: width, clientHeight: height } = canvas.current!;
    if (selected >= 0) move((frame) => reveal(frame, map.x[selected]!, map.y[selected]!, width, height, 2 * MARGIN));
  }, [map, selected, move]);

  const magnify = (factor: number) => {
    const { clientWidth: width, clientHeight: height } = canvas.current!;
    move((frame) => zoom(frame, factor, width / 2, height / 2, width));
  };
  const showAll = () => setFrame(fit(canvas.current!.clientWidth, canvas.current!.clientHeight, MARGIN));
  const step = (dx: number, dy: number) => {
    const { clientWidth: width, clientHeight: height } = canvas.current!;
    if (!frame) return;
    const middle = () => nearest(map, frame, width / 2, height / 2, Number.POSITIVE_INFINITY);
    const next = selected < 0 ? middle() : towards(map, frame, selected, dx, dy);
    if (next < 0) return;
    onSelect(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) step(...arrow);
    else if (event.key === "+" || event.key === "=") magnify(STEP);
    else if (event.key === "-") magnify(1 / STEP);
    else if (event.key === "0") showAll();
    else if (event.key === "Escape") onSelect(-1);
    else return;
    event.preventDefault();
  };

  return (
    <div class="map-frame">
      <div
        ref={plane}
        class="map-plane"
        role="application"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its keys are handled here
        tabIndex={0}
        aria-label={words.plane}
        aria-describedby={id}
        onKeyDown={onKeyDown}
      >
        <canvas ref={canvas} data-hit={hovered >= 0} />
      </div>
      <div class="map-zoom">
        <Button aria-label={words.zoomIn} title={words.zoomIn} onClick={() => magnify(STEP)}>
          +
        </Button>
        <Button aria-label={words.zoomOut} title={words.zoomOut} onClick={() => magnify(1 / STEP)}>
          −
        </Button>
        <Button onClick={showAll}>{words.all}</Button>
      </div>
      <p id={id} class="small muted">
        {words.keys}
      </p>
    </div>
  );
}

/** The colour that a custom property has where the element is, as a canvas takes it. */
function colour(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = "";
  return color;
}

function useDark(): boolean {
  const [dark, setDark] = useState(false);
  const chosen = theme.value;
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const update = () => setDark(chosen === "auto" ? system.matches : chosen === "dark");
    update();
    system.addEventListener("change", update);
    return () => system.removeEventListener("change", update);
  }, [chosen]);
  return dark;
}
