// A line chart of a few series.

import { extent, scaleLinear } from "../d3";
import { el } from "../dom";

const [LEFT, RIGHT, BOTTOM] = [40, 12, 40];
// On a phone the names of the series stand below that of the axis.
const LARGE = { width: 560, height: 310, top: 30, nTicks: 6 };
const SMALL = { width: 350, height: 250, top: 50, nTicks: 4 };

interface Point {
  x: number;
  y: number;
}
interface Range {
  low: number;
  high: number;
}
interface Chart {
  label: string;
  x: Range & { name: string };
  y: { name: string };
  series: { name: string; points: Point[]; kind: string }[];
  // A place on the x axis, and a range of it.
  marked?: number | null;
  trained?: Range | null;
}

export function chart({ label, x, y, series, marked = null, trained = null }: Chart): SVGSVGElement {
  const { width, height, top, nTicks } = matchMedia("(max-width: 559px)").matches ? SMALL : LARGE;
  const [low = 0, high = 40] = extent(series.flatMap(({ points }) => points.map((p) => p.y)));
  const beyond = 0.1 * Math.max(1, high - low);
  const px = scaleLinear([x.low, x.high], [LEFT, width - RIGHT]);
  const py = scaleLinear([low - beyond, high + beyond], [height - BOTTOM, top]);
  const tickOfX = px.tickFormat(nTicks);
  const tickOfY = py.tickFormat(5);
  return el(
    "svg",
    { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    trained &&
      el("rect", {
        class: "trained",
        x: px(trained.low) - 2,
        y: top,
        width: px(Math.min(trained.high, x.high)) - px(trained.low) + 4,
        height: height - top - BOTTOM,
      }),
    py
      .ticks(5)
      .flatMap((v) => [
        el("line", { class: "grid-line", x1: LEFT, x2: width - RIGHT, y1: py(v), y2: py(v) }),
        el("text", { x: LEFT - 6, y: py(v) + 4, "text-anchor": "end" }, tickOfY(v)),
      ]),
    px
      .ticks(nTicks)
      .map((v) => el("text", { x: px(v), y: height - BOTTOM + 16, "text-anchor": "middle" }, tickOfX(v))),
    el("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: height - BOTTOM, y2: height - BOTTOM }),
    marked !== null &&
      el("line", { class: "marked", x1: px(marked), x2: px(marked), y1: top, y2: height - BOTTOM }),
    series.flatMap(({ points, kind }) => [
      el("polyline", {
        class: `series ${kind}`,
        points: points.map((p) => `${px(p.x)},${py(p.y)}`).join(" "),
      }),
      ...points.map((p) => el("circle", { class: `series-dot ${kind}`, cx: px(p.x), cy: py(p.y), r: 3 })),
    ]),
    series.map(({ name, points, kind }, i) => {
      const last = points.at(-1);
      return el(
        "text",
        { class: `series-name ${kind}`, x: width - RIGHT - 90 * i, y: top - 16, "text-anchor": "end" },
        last ? `— ${name}` : "",
      );
    }),
    el(
      "text",
      { class: "axis-name", x: (LEFT + width - RIGHT) / 2, y: height - 6, "text-anchor": "middle" },
      x.name,
    ),
    el("text", { class: "axis-name", x: 0, y: 14, "text-anchor": "start" }, y.name),
  );
}
