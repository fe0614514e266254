// The whole network at once: image, noise, each stage with its maps, output and error.

import { scaleOf } from "../colour.js";
import { announce, byId, el, scrollTo, whenSeen } from "../dom.js";
import { errorMap, showGrid, showImage, showMap } from "../draw.js";
import { count, plural, short, sizeOf } from "../format.js";
import { asMaps } from "../tensor/apart.js";
import { nameOf, term } from "../words.js";
import { drawLines } from "./lines.js";

// Sides of the smallest maps, of a value of a flat code, and of one of many.
const [SMALLEST, FLAT, SMALL_FLAT, FEW] = [8, 26, 14, 16];
// Distance of maps; width of the first two columns and the last, distance of columns, as in the
// style sheet; how many maps of the size of the image stand upon each other.
const [GAP, END_WIDTH, STAGE_GAP, ROWS] = [2, 84, 18, 5];

export function startOverview(model) {
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
  const error = endColumn("Error", "what is still wrong: blue is too dark, orange too bright", (canvas) => {
    const [, height, width] = model.shape;
    const errors = errorMap(model.denoised, model.shown.source.clean, model.shape);
    showMap(canvas, errors, [1, height, width], 0, { palette: "signs", low: -0.5, high: 0.5 });
  });
  const all = [...ends, ...columns, error];
  frame.append(lines, ...all.map(({ element }) => element));
  byId("network-place").append(frame, legend());

  let drawn = null;
  const redraw = () => {
    if (!model.values) return;
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

// Side in CSS pixels of an image at full size: so that all stages fit side by side, where they can.
function unitOf(frame, nStages) {
  const width = frame.clientWidth;
  const isColumn = standsInColumn(frame);
  const room = (width - 3 * END_WIDTH - (nStages + 2) * STAGE_GAP) / nStages;
  const full = isColumn ? 56 : Math.max(46, Math.min(120, (room - GAP) / 2));
  frame.style.setProperty("--wide", `${2 * full + GAP}px`);
  return { full, width, isColumn };
}

// On a narrow page the style sheet puts the stages below each other.
const standsInColumn = (frame) => getComputedStyle(frame).display === "flex";

// Side in CSS pixels of one pixel of an image whose longer side is `full`.
const pixelOf = (full, [, height, width]) => full / Math.max(height, width);

// A column of one picture.
function endColumn(title, says, paint) {
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

function stageColumn(model, stage, index, hint) {
  const last = stage.layers.at(-1);
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
  let order = null;
  let places = [];
  let current = 0;

  function open(i, channel) {
    model.openLayer(i, channel);
    scrollTo(byId("apart"));
  }

  function show({ full, width, isColumn }) {
    const values = model.values[last];
    if (isOutput && shape[0] !== 1) return showOutput(full);
    order ??= byVariance(values, shape);
    const longest = Math.max(shape[1], shape[2]);
    const smallest = longest > 1 ? SMALLEST : shape[0] <= FEW ? FLAT : SMALL_FLAT;
    const side = shape[1] * Math.max(pixelOf(full, model.shape), smallest / longest);
    const across = (side * shape[2]) / shape[1];
    const room = isColumn ? width - 24 : Math.max(full, 2 * full + GAP);
    const columns = Math.max(1, Math.min(shape[0], Math.floor((room + GAP) / (across + GAP))));
    const rows = Math.max(1, Math.floor(((isColumn ? 2.2 : ROWS) * full + GAP) / (side + GAP)));
    const shown = order.slice(0, columns * rows).sort((a, b) => a - b);
    const scale = scaleOf(values);
    places = showGrid(canvas, values, shape, shown, {
      columns,
      height: side,
      gap: GAP,
      scale: isOutput ? { palette: "grays", low: 0, high: 1 } : scale,
    });
    column.places = places;
    more.textContent = shown.length < shape[0] ? `${count(shown.length)} of ${count(shape[0])} shown` : "";
    column.scale = scale;
    column.nColumns = columns;
  }

  function showOutput(full) {
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

  const placeAt = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return places.findIndex(
      (p) => x >= p.left && x < p.left + p.width + GAP && y >= p.top && y < p.top + p.height + GAP,
    );
  };
  canvas.addEventListener("pointermove", (event) => {
    const i = placeAt(event);
    if (i < 0 || event.pointerType === "touch") return (hint.hidden = true);
    peek(i);
  });
  canvas.addEventListener("pointerleave", () => {
    hint.hidden = true;
    column.chosen = null;
    column.onChoose?.();
  });
  canvas.addEventListener("blur", () => (hint.hidden = true));
  canvas.addEventListener("click", (event) => {
    const i = placeAt(event);
    if (i >= 0) open(last, places[i].channel);
  });
  canvas.addEventListener("keydown", (event) => {
    const columns = column.nColumns;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (event.key === "Enter" || event.key === " ") open(last, places[current].channel);
    else if (step === undefined) return;
    else {
      current = Math.max(0, Math.min(places.length - 1, current + step));
      peek(current);
      announce(hint.querySelector("p").textContent);
    }
    event.preventDefault();
  });

  // A map as large as one can see it, beside its place.
  function peek(i) {
    current = i;
    const { channel, left, top, width, height } = places[i];
    const size = shape[1] * shape[2];
    const own = model.values[last].subarray(channel * size, (channel + 1) * size);
    const [picture, text] = hint.children;
    if (isOutput && shape[0] !== 1) showImage(picture, model.denoised, model.shape);
    else
      showMap(
        picture,
        model.values[last],
        shape,
        channel,
        isOutput ? { palette: "grays", low: 0, high: 1 } : column.scale,
      );
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
    column.onChoose?.();
  }

  const column = {
    element,
    canvas,
    show,
    places,
    scale: null,
    nColumns: 1,
    chosen: null,
    onChoose: null,
    stage,
    last,
  };
  return column;
}

// Whether the next layer does the same once more, as a crop along the other axis does.
export function isRepeated(model, i) {
  const next = model.layers[i + 1];
  return model.layers[i].kind === "crop" && next?.kind === "crop" && next.inputs[0] === i;
}

// Maps from the one that varies most to the one that varies least: empty ones come last.
export function byVariance(values, [channels, height, width]) {
  const size = height * width;
  const spread = Array.from({ length: channels }, (_, c) => {
    let [total, squares] = [0, 0];
    for (let i = c * size; i < (c + 1) * size; i++) {
      total += values[i];
      squares += values[i] ** 2;
    }
    return size === 1 ? Math.abs(total) : squares / size - (total / size) ** 2;
  });
  return spread.map((_, c) => c).sort((a, b) => spread[b] - spread[a]);
}

function legend() {
  const scale = (name, low, high, says) =>
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
