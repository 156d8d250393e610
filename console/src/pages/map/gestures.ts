/** Pointers on the canvas of the map: one drags, two zoom, a wheel zooms where it is meant, a tap picks. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Frame, pan, zoom } from "./frame.js";

export interface Gestures {
  /** Changes the frame. */
  move: (change: (frame: Frame) => Frame) => void;
  /** Told the point of the canvas under a pointer that presses nothing; without one when it leaves. */
  hover: (point?: [number, number]) => void;
  /** Told the point of a tap. */
  pick: (point: [number, number]) => void;
}

/** Pixels that a pointer may move while it taps. */
const SLACK = 4;

export function useGestures(plane: RefObject<HTMLElement | null>, gestures: Gestures): void {
  const latest = useRef(gestures);
  latest.current = gestures;

  useEffect(() => {
    const element = plane.current!;
    const controller = new AbortController();
    const pressed = new Map<number, [number, number]>();
    let travelled = 0;

    const on = <K extends keyof HTMLElementEventMap>(
      type: K,
      listener: (event: HTMLElementEventMap[K]) => void,
      passive = true,
    ) => element.addEventListener(type, listener, { signal: controller.signal, passive });
    const point = ({ clientX, clientY }: MouseEvent): [number, number] => {
      const { left, top } = element.getBoundingClientRect();
      return [clientX - left, clientY - top];
    };

    on("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      pressed.set(event.pointerId, point(event));
      travelled = pressed.size === 1 ? 0 : SLACK + 1;
    });
    on("pointermove", (event) => {
      const to = point(event);
      const from = pressed.get(event.pointerId);
      if (!from) return latest.current.hover(to);
      travelled += Math.hypot(to[0] - from[0], to[1] - from[1]);
      pressed.set(event.pointerId, to);
      const other = [...pressed].find(([id]) => id !== event.pointerId)?.[1];
      if (!other && travelled > SLACK) latest.current.move((frame) => pan(frame, to[0] - from[0], to[1] - from[1]));
      if (other) {
        const factor = distance(to, other) / Math.max(1, distance(from, other));
        latest.current.move((frame) => zoom(frame, factor, other[0], other[1], element.clientWidth));
      }
    });
    on("pointerup", (event) => {
      if (pressed.delete(event.pointerId) && travelled <= SLACK) latest.current.pick(point(event));
    });
    on("pointercancel", ({ pointerId }) => pressed.delete(pointerId));
    on("pointerleave", () => latest.current.hover());
    // A wheel over a map that nobody works with scrolls the page.
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && document.activeElement !== element) return;
      event.preventDefault();
      const [x, y] = point(event);
      latest.current.move((frame) => zoom(frame, Math.exp(-event.deltaY / 300), x, y, element.clientWidth));
    };
    on("wheel", wheel, false);
    return () => controller.abort();
  }, [plane]);
}

function distance(a: [number, number], b: [number, number]): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}
