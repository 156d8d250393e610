/** Drawing of the map on a canvas. */
import { type Frame, type Places, toScreen } from "./frame.js";

export interface Scene {
  places: Places;
  /** Level of each point, which its shape tells: triangle, square, circle. */
  levels: ArrayLike<number>;
  /** Colour of each point, as a position in `colours`. */
  groups: ArrayLike<number>;
  colours: readonly string[];
  /** The group that stands out, if one does. */
  only: number | undefined;
  /** Colour of the marks around what is pointed at and selected. */
  mark: string;
  hovered: number;
  selected: number;
}

/** Opacity of points of the groups that do not stand out. */
const FADED = 0.12;

export function paint(canvas: HTMLCanvasElement, frame: Frame, scene: Scene): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d")!;
  const ratio = devicePixelRatio;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const radius = radiusFor(scene.places.x.length, frame.width / width);
  for (const [group, path] of paths(frame, scene, radius, width, height).entries()) {
    context.globalAlpha = scene.only === undefined || scene.only === group ? 0.8 : FADED;
    context.fillStyle = scene.colours[group]!;
    context.fill(path);
  }
  context.globalAlpha = 1;
  context.strokeStyle = scene.mark;
  for (const [point, line] of [
    [scene.hovered, 1.5],
    [scene.selected, 3],
  ] as const) {
    if (point < 0) continue;
    const [x, y] = toScreen(frame, scene.places.x[point]!, scene.places.y[point]!);
    context.lineWidth = line;
    context.beginPath();
    context.arc(x, y, radius + 4, 0, 2 * Math.PI);
    context.stroke();
  }
}

/** Size of points: smaller where many are shown, larger in a closer view. */
function radiusFor(count: number, magnification: number): number {
  const base = count > 4000 ? 1.8 : count > 800 ? 2.6 : 3.8;
  return Math.min(7, base * Math.max(1, Math.sqrt(magnification)) ** 0.8);
}

/** One path for each colour. */
function paths(frame: Frame, scene: Scene, radius: number, width: number, height: number): Path2D[] {
  const paths = scene.colours.map(() => new Path2D());
  for (let i = 0; i < scene.places.x.length; i++) {
    const [x, y] = toScreen(frame, scene.places.x[i]!, scene.places.y[i]!);
    if (x < -radius || y < -radius || x > width + radius || y > height + radius) continue;
    outline(paths[scene.groups[i]!]!, scene.levels[i]!, x, y, radius);
  }
  return paths;
}

function outline(path: Path2D, level: number, x: number, y: number, radius: number): void {
  if (level === 0) {
    path.moveTo(x, y - 1.3 * radius);
    path.lineTo(x + 1.2 * radius, y + radius);
    path.lineTo(x - 1.2 * radius, y + radius);
    path.closePath();
  } else if (level === 1) path.rect(x - 0.9 * radius, y - 0.9 * radius, 1.8 * radius, 1.8 * radius);
  else {
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 2 * Math.PI);
  }
}
