// The codes of the images as points in the plane of their first two principal axes.

import { CATEGORIES } from "../colour";
import { least, max, scaleLinear } from "../d3";
import { announce, ARROWS, el } from "../dom";
import { showImage } from "../draw";
import { count, percent } from "../format";
import type { Codes, Model } from "../types";
import { prose } from "../words";

const [SIZE, EDGE] = [420, 22];

interface Point {
  i: number;
  x: number;
  y: number;
}

export interface CodeMap {
  element: HTMLElement;
  // The places of a code along the axes, and those of the image it began as.
  show: (places: number[], home?: number[]) => void;
}

export function codeMap(model: Model, codes: Codes): CodeMap {
  const { copies, images } = model.data;
  const { labels } = images;
  const names = labels ? [...new Set(labels)].sort(new Intl.Collator("en", { numeric: true }).compare) : [];
  const isColoured = names.length > 0 && names.length <= CATEGORIES.length;
  const points: Point[] = Array.from({ length: codes.nPoints }, (_, i) => ({
    i,
    x: codes.places[i * codes.nAxes],
    y: codes.places[i * codes.nAxes + 1],
  }));
  const reach = Math.max(
    2.5,
    max(points, ({ x, y }) => Math.max(Math.abs(x), Math.abs(y)))!,
  );
  const px = scaleLinear([-reach, reach], [EDGE, SIZE - EDGE]).clamp(true);
  const py = scaleLinear([-reach, reach], [SIZE - EDGE, EDGE]).clamp(true);
  const colour = (i: number) =>
    labels && isColoured ? CATEGORIES[names.indexOf(labels[i])] : "var(--muted)";
  const you = el("circle", { class: "you", r: 8 });
  const home = el("circle", { class: "home", r: 4 });
  const trail = el("line", { class: "trail" });
  const svg = el(
    "svg",
    {
      class: "plot code-map",
      viewBox: `0 0 ${SIZE} ${SIZE}`,
      role: "application",
      tabindex: "0",
      "aria-label": `Map of the codes of ${codes.nPoints} images. Arrow keys go from image to image, Enter takes it.`,
    },
    el("line", { class: "axis", x1: EDGE, x2: SIZE - EDGE, y1: SIZE / 2, y2: SIZE / 2 }),
    el("line", { class: "axis", x1: SIZE / 2, x2: SIZE / 2, y1: EDGE, y2: SIZE - EDGE }),
    points.map(({ i, x, y }) =>
      el("circle", { class: "point", cx: px(x), cy: py(y), r: 3.2, style: `fill:${colour(i)}` }),
    ),
    trail,
    home,
    you,
    el(
      "text",
      { class: "axis-name", x: SIZE - EDGE, y: SIZE - 5, "text-anchor": "end" },
      `axis 1, ${percent(codes.shares[0])} of all differences →`,
    ),
    el("text", { class: "axis-name", x: EDGE, y: 14 }, `↑ axis 2, ${percent(codes.shares[1])}`),
  );
  const peek = el("canvas", { class: "map-peek", hidden: true, "aria-hidden": "true" });
  const peekText = el("p", { class: "map-text" });
  let near: Point | null = null;

  function pointAt(event: MouseEvent): Point | null {
    const box = svg.getBoundingClientRect();
    const [x, y] = [
      ((event.clientX - box.left) / box.width) * SIZE,
      ((event.clientY - box.top) / box.height) * SIZE,
    ];
    const distance = (point: Point) => Math.hypot(px(point.x) - x, py(point.y) - y);
    const nearest = least(points, distance)!;
    return distance(nearest) < 24 ? nearest : null;
  }

  function show(point: Point | null) {
    near = point;
    for (const circle of svg.querySelectorAll(".point.near")) circle.classList.remove("near");
    peek.hidden = !point || point.i >= copies.n;
    peekText.textContent = point
      ? `image ${point.i + 1}${labels ? `, ${labels[point.i]}` : ""}${point.i < copies.n ? "; click to take it" : ""}`
      : "Point at the map to see whose codes these are.";
    if (!point) return;
    svg.querySelectorAll(".point")[point.i].classList.add("near");
    if (point.i < copies.n) showImage(peek, copies.list[point.i], model.shape);
  }

  function take() {
    if (!near || near.i >= copies.n) return;
    if (near.i < images.n)
      model.choose({ index: near.i, clean: images.list[near.i], label: labels?.[near.i] });
    else model.chooseOwn(copies.list[near.i], `image ${near.i + 1}`);
  }

  svg.addEventListener("pointermove", (event) => show(pointAt(event)));
  svg.addEventListener("click", (event) => {
    show(pointAt(event));
    take();
  });
  svg.addEventListener("keydown", (event) => {
    const [down, across] = ARROWS[event.key] ?? [0, 0];
    const step = down + across;
    if (event.key === "Enter") take();
    else if (step) show(points[((near?.i ?? -1) + step + points.length) % points.length]);
    else return;
    announce(peekText.textContent);
    event.preventDefault();
  });
  show(null);

  const legend =
    isColoured &&
    el(
      "p",
      { class: "map-legend" },
      names.map((name, i) =>
        el("span", {}, el("span", { class: "swatch", style: `background:${CATEGORIES[i]}` }), name),
      ),
    );
  const element = el(
    "div",
    { class: "code-map-place" },
    el("h3", {}, "a map of the codes"),
    el(
      "p",
      { class: "step-says" },
      ...prose(
        `Each of these ${count(codes.nPoints)} points is the *code* of an image, seen along the two directions in which codes differ most. The ring is the image above.`,
      ),
    ),
    el("div", { class: "map-frame" }, svg, el("div", { class: "map-side" }, peek, peekText)),
    legend,
  );
  return {
    element,
    show: ([x, y], [homeX, homeY] = [x, y]) => {
      place(you, { cx: px(x), cy: py(y) });
      place(home, { cx: px(homeX), cy: py(homeY) });
      place(trail, { x1: px(homeX), y1: py(homeY), x2: px(x), y2: py(y) });
    },
  };
}

function place(shape: SVGElement, where: Record<string, number>) {
  for (const [name, value] of Object.entries(where)) shape.setAttribute(name, String(value));
}
