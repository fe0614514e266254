// The whole network at once: image, noise, each stage with its maps, output and error.

import { scaleOf, UNIT_SCALE, type Scale } from "../colour";
import { range, sort, variance } from "../d3";
import { announce, ARROWS, byId, el, scrollTo, whenSeen } from "../dom";
import { errorMap, showGrid, showImage, showMap, type MapPlace } from "../draw";
import { count, plural, short, sizeOf } from "../format";
import { asMaps } from "../tensor/apart";
import type { Model, Shape, Stage, Values } from "../types";
import { nameOf, term } from "../words";
import { drawLines } from "./lines";

// Sides of the smallest maps, of a value of a flat code, and of one of many.
const [SMALLEST, FLAT, SMALL_FLAT, FEW] = [8, 26, 14, 16];
// Distance of maps, and of those of two stages; how many maps of the size of the image stand upon each
// other, and how tall they are together at least.
const [GAP, STAGE_GAP, ROWS, TALL] = [2, 18, 5, 240];
// Least and largest side of an image at full size beside others, least width of the first two columns
// and the last, and how far text reaches beyond the maps. Where not even what is tight fits, stages
// stand below each other, as they do in a narrow page.
const ROOMY = { least: 49, end: 84, beyond: 0 };
const TIGHT = { least: 28, end: 54, beyond: 10 };
const [LARGEST, IN_COLUMN, NARROW] = [120, 56, 780];

// A map, and where it lies if it is one of several.
export type Placed = Pick<MapPlace, "channel"> & Partial<MapPlace>;

interface Unit {
  full: number;
  width: number;
  isColumn: boolean;
}

export interface Column {
  element: HTMLElement;
  canvas: HTMLCanvasElement;
  places: Placed[];
  // The layer whose maps are shown; the image has none.
  last?: number;
  show: (unit: Unit) => void;
}
export interface StageColumn extends Column {
  last: number;
  stage: Stage;
  scale: Scale;
  nColumns: number;
  // The map that is pointed at, and what is to be done when it is another.
  chosen: number | null;
  onChoose: () => void;
}

const ERRORS: Scale = { palette: "signs", low: -0.5, high: 0.5 };

export function startOverview(model: Model) {
  const frame = el("div", { class: "network", tabindex: "-1" });
  const lines = el("svg", { class: "lines", "aria-hidden": "true" });
  const hint = el("div", { class: "peek", hidden: true }, el("canvas", {}), el("p", {}));
  document.body.append(hint);
  const ends = [
    endColumn("Image", "what is to come out again", (canvas) =>
      showImage(canvas, model.shown.source.clean, model.shape),
    ),
    endColumn("Noisy", "what the network is given", (canvas) => showImage(canvas, model.noisy, model.shape)),
  ];
  const columns = model.stages.map((stage, i) => stageColumn(model, stage, i, hint));
  const error = endColumn("Error", "blue is too dark, orange too bright", (canvas) => {
    const [, height, width] = model.shape;
    const errors = errorMap(model.denoised, model.shown.source.clean, model.shape);
    showMap(canvas, errors, [1, height, width], 0, ERRORS);
  });
  const all = [...ends, ...columns, error];
  frame.append(lines, ...all.map(({ element }) => element));
  byId("network-place").append(frame, legend());

  let drawn: string | null = null;
  const redraw = () => {
    if (model.values.length === 0) return;
    const unit = unitOf(frame, columns.length);
    for (const column of all) column.show(unit);
    // Lines stay where they are until the layout or the weights are others.
    const now = `${unit.width} ${model.shown.state} ${window.devicePixelRatio}`;
    if (now === drawn) return;
    drawn = now;
    requestAnimationFrame(() => drawLines(lines, frame, model, ends, columns, error));
  };
  model.listen(whenSeen(frame, redraw));
  new ResizeObserver(redraw).observe(frame);
}

// Side in CSS pixels of an image at full size: so that all stages fit side by side, where they can. A
// stage is two images wide; the first two columns and the last hold one.
function unitOf(frame: HTMLElement, nStages: number): Unit {
  const width = frame.clientWidth;
  const fitting = ({ end, beyond }: typeof ROOMY) => {
    const room = width - (nStages + 2) * STAGE_GAP - nStages * GAP - beyond;
    return Math.min((room - 3 * end) / (2 * nStages), room / (2 * nStages + 3), LARGEST);
  };
  const isTight = fitting(ROOMY) < ROOMY.least;
  const layout = isTight ? TIGHT : ROOMY;
  const isColumn = width < NARROW || fitting(layout) < layout.least;
  frame.classList.toggle("in-column", isColumn);
  frame.classList.toggle("tight", isTight && !isColumn);
  const full = isColumn ? IN_COLUMN : fitting(layout);
  frame.style.setProperty("--gap", `${STAGE_GAP - layout.beyond}px`);
  frame.style.setProperty("--wide", `${2 * full + GAP + layout.beyond}px`);
  frame.style.setProperty("--end", `${Math.max(layout.end, full) + layout.beyond}px`);
  return { full, width, isColumn };
}

// Side in CSS pixels of one pixel of an image whose longer side is `full`.
const pixelOf = (full: number, [, height, width]: Shape) => full / Math.max(height, width);

// A column of one picture.
function endColumn(title: string, says: string, paint: (canvas: HTMLCanvasElement) => void): Column {
  const canvas = el("canvas", { class: "picture", role: "img", "aria-label": `${title}: ${says}` });
  const element = el(
    "figure",
    { class: "stage end" },
    el(
      "figcaption",
      {},
      el("span", { class: "stage-title" }, title),
      el("span", { class: "stage-note" }, says),
    ),
    el("div", { class: "maps" }, canvas),
  );
  return {
    element,
    canvas,
    places: [{ channel: 0 }],
    show: ({ full }) => {
      paint(canvas);
      const pixel = full / Math.max(canvas.height, canvas.width);
      canvas.style.height = `${pixel * canvas.height}px`;
      canvas.style.width = `${pixel * canvas.width}px`;
    },
  };
}

function stageColumn(model: Model, stage: Stage, index: number, hint: HTMLElement): StageColumn {
  const last = stage.layers.at(-1)!;
  const layer = model.layers[last];
  const shape = asMaps(layer.shape);
  const isOutput = index === model.stages.length - 1;
  const nWeights = stage.layers.reduce((total, i) => total + model.layers[i].nWeights, 0);
  const canvas = el("canvas", {
    class: "grid",
    tabindex: "0",
    role: "application",
    "aria-label": `${stage.title}: ${sizeOf(layer.shape)}. Arrow keys choose a map, Enter takes it apart.`,
  });
  const more = el("span", { class: "stage-more" });
  const element = el(
    "figure",
    { class: `stage${stage.title === "Code" ? " is-code" : ""}` },
    el(
      "figcaption",
      {},
      el("span", { class: "stage-title" }, stage.title === "Code" ? term("code", "Code") : stage.title),
      el("span", { class: "stage-size" }, sizeOf(layer.shape)),
      el("span", { class: "stage-note" }, nWeights ? plural(nWeights, "weight") : "no weights"),
    ),
    el("div", { class: "maps" }, canvas),
    el(
      "div",
      { class: "chips" },
      more,
      stage.layers
        .filter((i) => !isRepeated(model, i))
        .map((i) =>
          el(
            "button",
            { type: "button", class: "chip", on: { click: () => open(i, 0) } },
            nameOf(model.layers[i]),
          ),
        ),
    ),
  );
  const [picture, text] = [hint.querySelector("canvas")!, hint.querySelector("p")!];
  let order: number[] | null = null;
  let places: MapPlace[] = [];
  let current = 0;

  function open(i: number, channel: number) {
    model.openLayer(i, channel);
    scrollTo(byId("apart"));
  }

  function show({ full, width, isColumn }: Unit) {
    const values = model.values[last];
    if (isOutput && shape[0] !== 1) return showOutput(full);
    order ??= byVariance(values, shape);
    const longest = Math.max(shape[1], shape[2]);
    const smallest = longest > 1 ? SMALLEST : shape[0] <= FEW ? FLAT : SMALL_FLAT;
    const side = shape[1] * Math.max(pixelOf(full, model.shape), smallest / longest);
    const across = (side * shape[2]) / shape[1];
    const room = isColumn ? width - 24 : Math.max(full, 2 * full + GAP);
    const columns = Math.max(1, Math.min(shape[0], Math.floor((room + GAP) / (across + GAP))));
    const tall = isColumn ? 2.2 * full : Math.max(TALL, ROWS * full);
    const rows = Math.max(1, Math.floor((tall + GAP) / (side + GAP)));
    const shown = order.slice(0, columns * rows).sort((a, b) => a - b);
    const scale = scaleOf(values);
    places = showGrid(canvas, values, shape, shown, {
      columns,
      height: side,
      gap: GAP,
      scale: isOutput ? UNIT_SCALE : scale,
    });
    column.places = places;
    more.textContent = shown.length < shape[0] ? `${count(shown.length)} of ${count(shape[0])} shown` : "";
    column.scale = scale;
    column.nColumns = columns;
  }

  function showOutput(full: number) {
    showImage(canvas, model.denoised, model.shape);
    const pixel = pixelOf(full, model.shape);
    const [height, width] = model.shape.slice(1).map((side) => side * pixel);
    canvas.style.height = `${height}px`;
    canvas.style.width = `${width}px`;
    canvas.classList.add("picture");
    places = [{ channel: 0, left: 0, top: 0, width, height }];
    column.places = places;
    column.nColumns = 1;
  }

  const placeAt = (event: MouseEvent) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return places.findIndex(
      (p) => x >= p.left && x < p.left + p.width + GAP && y >= p.top && y < p.top + p.height + GAP,
    );
  };
  canvas.addEventListener("pointermove", (event) => {
    const i = placeAt(event);
    if (i < 0 || event.pointerType === "touch") hint.hidden = true;
    else peek(i);
  });
  canvas.addEventListener("pointerleave", () => {
    hint.hidden = true;
    column.chosen = null;
    column.onChoose();
  });
  canvas.addEventListener("blur", () => (hint.hidden = true));
  canvas.addEventListener("click", (event) => {
    const i = placeAt(event);
    if (i >= 0) open(last, places[i].channel);
  });
  canvas.addEventListener("keydown", (event) => {
    const [down, across] = ARROWS[event.key] ?? [0, 0];
    const step = down * column.nColumns + across;
    if (event.key === "Enter" || event.key === " ") open(last, places[current].channel);
    else if (step === 0) return;
    else {
      current = Math.max(0, Math.min(places.length - 1, current + step));
      peek(current);
      announce(text.textContent);
    }
    event.preventDefault();
  });

  // A map as large as one can see it, beside its place.
  function peek(i: number) {
    current = i;
    const { channel, left, top, width, height } = places[i];
    const size = shape[1] * shape[2];
    const own = model.values[last].subarray(channel * size, (channel + 1) * size);
    if (isOutput && shape[0] !== 1) showImage(picture, model.denoised, model.shape);
    else showMap(picture, model.values[last], shape, channel, isOutput ? UNIT_SCALE : column.scale);
    text.textContent =
      size === 1
        ? `${stage.title}, value ${channel + 1} of ${count(shape[0])}: ${short(own[0])}. Click to take it apart.`
        : `${stage.title}, ${isOutput ? "the image" : `map ${channel + 1} of ${count(shape[0])}`}: from ${short(Math.min(...own))} to ${short(Math.max(...own))}. Click to take it apart.`;
    hint.hidden = false;
    const box = canvas.getBoundingClientRect();
    const right = box.left + left + width + 10;
    const fits = right + hint.offsetWidth < document.documentElement.clientWidth;
    hint.style.left = `${(fits ? right : box.left + left - hint.offsetWidth - 10) + window.scrollX}px`;
    hint.style.top = `${Math.max(4, box.top + top + height / 2 - hint.offsetHeight / 2) + window.scrollY}px`;
    column.chosen = channel;
    column.onChoose();
  }

  const column: StageColumn = {
    element,
    canvas,
    show,
    places,
    scale: UNIT_SCALE,
    nColumns: 1,
    chosen: null,
    onChoose: () => {},
    stage,
    last,
  };
  return column;
}

// Whether the next layer does the same once more, as a crop along the other axis does.
export function isRepeated(model: Model, i: number): boolean {
  const next = model.layers[i + 1];
  return model.layers[i].kind === "crop" && next?.kind === "crop" && next.inputs[0] === i;
}

// Maps from the one that varies most to the one that varies least: empty ones come last.
export function byVariance(values: Values, [channels, height, width]: Shape): number[] {
  const size = height * width;
  // A single value has none: then by its size.
  return sort(
    range(channels),
    (c) => -(variance(values.subarray(c * size, (c + 1) * size)) ?? Math.abs(values[c])),
  );
}

function legend() {
  const scale = (name: string, low: string, high: string, says: string) =>
    el(
      "span",
      { class: "legend-item" },
      el("span", {}, low),
      el("span", { class: `ramp ${name}` }),
      el("span", {}, high),
      el("span", { class: "legend-says" }, says),
    );
  return el(
    "p",
    { class: "legend" },
    scale("sizes", "0", "large", "after a ReLU, which leaves no negative values"),
    scale("signs", "−", "+", "where values have both signs; white is zero"),
  );
}
