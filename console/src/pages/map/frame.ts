/**
 * Geometry of the map: contexts lie in a square of 65,536 by 65,536 that is drawn into a frame on the screen, and moving
 * or zooming changes the frame.
 */
export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Places of contexts in the square, in columns. */
export interface Places {
  x: ArrayLike<number>;
  y: ArrayLike<number>;
}

const SIDE = 65_535;
/** Bounds of the size of the frame, as a multiple of the screen. */
const SMALLEST = 0.5;
const LARGEST = 200;

/** The frame that shows the whole square on a screen with a margin. */
export function fit(width: number, height: number, margin: number): Frame {
  return {
    left: margin,
    top: margin,
    width: Math.max(1, width - 2 * margin),
    height: Math.max(1, height - 2 * margin),
  };
}

export function toScreen(frame: Frame, x: number, y: number): [number, number] {
  return [frame.left + (x / SIDE) * frame.width, frame.top + (y / SIDE) * frame.height];
}

/** The frame enlarged by `factor`, such that the point of the screen stays where it is. */
export function zoom(frame: Frame, factor: number, x: number, y: number, screenWidth: number): Frame {
  const by = Math.min(Math.max(factor, (SMALLEST * screenWidth) / frame.width), (LARGEST * screenWidth) / frame.width);
  return {
    left: x - (x - frame.left) * by,
    top: y - (y - frame.top) * by,
    width: frame.width * by,
    height: frame.height * by,
  };
}

export function pan(frame: Frame, dx: number, dy: number): Frame {
  return { ...frame, left: frame.left + dx, top: frame.top + dy };
}

/** The frame moved as little as brings a place onto the screen. */
export function reveal(frame: Frame, x: number, y: number, width: number, height: number, margin: number): Frame {
  const [px, py] = toScreen(frame, x, y);
  const into = (value: number, size: number) => Math.min(Math.max(value, margin), size - margin) - value;
  return pan(frame, into(px, width), into(py, height));
}

/** Position of the place that is nearest to a point of the screen within `radius`, else -1. */
export function nearest(places: Places, frame: Frame, x: number, y: number, radius: number): number {
  let best = -1;
  let least = radius * radius;
  for (let i = 0; i < places.x.length; i++) {
    const [px, py] = toScreen(frame, places.x[i]!, places.y[i]!);
    const distance = (px - x) ** 2 + (py - y) ** 2;
    if (distance <= least) {
      best = i;
      least = distance;
    }
  }
  return best;
}

/** Position of the nearest place in a direction, which is one of the four of the arrow keys; -1 if there is none. */
export function towards(places: Places, frame: Frame, from: number, dx: number, dy: number): number {
  const [x, y] = toScreen(frame, places.x[from]!, places.y[from]!);
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < places.x.length; i++) {
    const [px, py] = toScreen(frame, places.x[i]!, places.y[i]!);
    const along = (px - x) * dx + (py - y) * dy;
    const across = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
    const distance = along + 2 * across;
    if (along > 0 && across <= along && distance < least) {
      best = i;
      least = distance;
    }
  }
  return best;
}
