// A layer, a map and a value of it, taken apart into what makes them.

import { scaleOf } from "../colour";
import { announce, button, byId, el, prefersStill, sight } from "../dom";
import { mapPixels } from "../draw";
import { count, short, sizeOf } from "../format";
import { asMaps, isConvolving } from "../tensor/apart";
import type { Chosen, Layer, Model } from "../types";
import { nameOf, prose, saysOf } from "../words";
import { convolutionParts } from "./convolution";
import { linearParts } from "./linear";
import { mapView } from "./map_view";
import { byVariance, isRepeated } from "./overview";
import { patchesOf } from "./patches";
import { otherParts } from "./pointwise";

const STEP_MS = 350;

// How a layer is shown: its maps, and for each value the numbers that make it.
export interface Parts {
  element: HTMLElement;
  pixel: (value: number) => void;
}
export interface Redraw {
  show: () => void;
  showPixel: () => void;
}
type StartParts = (model: Model, chosen: Chosen, channel: number, redraw: Redraw) => Parts;

export function startApart(model: Model) {
  const chosen: Chosen = { layer: tellingConvolution(model), channel: null, y: 0, x: 0, inputMap: null };
  const path = el("div", { class: "path", role: "group", "aria-label": "Layers" });
  const says = el("p", { class: "says-layer" });
  const parts = el("div", { class: "parts" });
  const output = mapView({
    label: "Map of this layer. Arrow keys move from value to value.",
    onPick: pickPixel,
    size: "big",
  });
  const mapNumber = el("output", { class: "map-number", for: "map-before map-after" });
  const scaleText = el("p", { class: "scale" });
  const value = el("p", { class: "value", "aria-live": "off" });
  const patches = el("div", { class: "patches" });
  const play = button("Play", toggle, { id: "play", "aria-pressed": "false" });
  let timer: number | undefined;
  let isPlaceOpen = true; // a new layer shows its highest value

  byId("apart-place").append(
    path,
    says,
    el(
      "div",
      { class: "apart" },
      parts,
      el(
        "div",
        { class: "apart-output" },
        el("h3", {}, "the map it makes"),
        el(
          "div",
          { class: "stepper" },
          button("◀", () => stepMap(-1), { id: "map-before", "aria-label": "Map before" }),
          mapNumber,
          button("▶", () => stepMap(1), { id: "map-after", "aria-label": "Next map" }),
        ),
        output.element,
        scaleText,
        value,
        el(
          "div",
          { class: "buttons" },
          button("Step", () => step(1), { id: "step" }),
          play,
        ),
        patches,
      ),
    ),
  );
  if (prefersStill()) play.hidden = true;

  model.openLayer = (layer, wanted) => {
    const [channels] = asMaps(model.layers[layer].shape);
    const channel = wanted === null ? null : Math.min(wanted, channels - 1);
    Object.assign(chosen, { layer, channel, inputMap: null });
    isPlaceOpen = true;
    stop();
    show();
  };
  model.chosen = chosen;
  // Each layer is computed by itself while this part is seen.
  model.needsEveryLayer = sight(byId("apart-place"), update);
  model.listen(update);

  function update() {
    if (!model.needsEveryLayer()) return;
    if (model.hasEveryLayer) show();
    else model.change({});
  }

  function buildPath() {
    for (const stage of model.stages) {
      path.append(
        el(
          "div",
          { class: "path-stage" },
          el("span", { class: "path-title" }, stage.title),
          el(
            "div",
            { class: "chips" },
            stage.layers
              .filter((i) => !isRepeated(model, i))
              .map((i) =>
                button(nameOf(model.layers[i]), () => model.openLayer(i, chosen.channel), {
                  class: "chip",
                  "data-layer": i,
                }),
              ),
          ),
        ),
      );
    }
  }

  function pickPixel(y: number, x: number) {
    [chosen.y, chosen.x] = [y, x];
    stop();
    showPixel();
    announce(value.textContent);
  }

  function stepMap(by: number) {
    const [channels] = asMaps(model.layers[chosen.layer].shape);
    chosen.channel = ((chosen.channel ?? 0) + by + channels) % channels;
    chosen.inputMap = null;
    show();
    announce(mapNumber.textContent);
  }

  function step(by: number) {
    const [, height, width] = asMaps(model.layers[chosen.layer].shape);
    const at = (chosen.y * width + chosen.x + by) % (height * width);
    [chosen.y, chosen.x] = [Math.floor(at / width), at % width];
    showPixel();
  }

  function toggle() {
    if (timer) return stop();
    timer = window.setInterval(() => step(1), STEP_MS);
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
  }

  function stop() {
    clearInterval(timer);
    timer = undefined;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }

  let view: Parts | null = null;

  function showPath() {
    if (!path.children.length) buildPath();
    for (const chip of path.querySelectorAll<HTMLElement>(".chip")) {
      const isChosen = Number(chip.dataset.layer) === chosen.layer;
      chip.setAttribute("aria-pressed", String(isChosen));
      if (isChosen && path.scrollWidth > path.clientWidth) {
        path.scrollLeft = chip.offsetLeft - path.offsetLeft - path.clientWidth / 2;
      }
    }
  }

  function show() {
    showPath();
    if (!model.hasEveryLayer) return;
    const layer = model.layers[chosen.layer];
    const shape = asMaps(layer.shape);
    const [, height, width] = shape;
    const values = model.values[chosen.layer];
    const channel = (chosen.channel ??= byVariance(values, shape)[0]);
    if (isPlaceOpen) {
      const own = values.subarray(channel * height * width, (channel + 1) * height * width);
      const at = own.reduce((best, v, i) => (Math.abs(v) > Math.abs(own[best]) ? i : best), 0);
      [chosen.y, chosen.x] = [Math.floor(at / width), at % width];
      isPlaceOpen = false;
    }
    const inputShapes = layer.inputs.map((i) => model.layers[i].shape);
    says.replaceChildren(
      ...prose(saysOf(layer, model.weights()[chosen.layer], inputShapes)),
      ` It gives ${sizeOf(layer.shape)}.`,
    );
    mapNumber.textContent = `${height * width === 1 ? "value" : "map"} ${channel + 1} of ${count(shape[0])}`;
    const scale = scaleOf(values);
    output.show(mapPixels(values, shape, channel, scale));
    scaleText.replaceChildren(
      el("span", {}, scale.low < 0 ? short(scale.low) : "0"),
      el("span", { class: `ramp ${scale.palette}` }),
      el("span", {}, short(scale.high)),
    );
    view = partsFor(layer)(model, chosen, channel, { show, showPixel });
    parts.replaceChildren(view.element);
    patches.replaceChildren(...patchesOf(model, chosen, channel));
    showPixel();
  }

  function showPixel() {
    if (!model.hasEveryLayer) return;
    const layer = model.layers[chosen.layer];
    const [, height, width] = asMaps(layer.shape);
    chosen.y = Math.min(chosen.y, height - 1);
    chosen.x = Math.min(chosen.x, width - 1);
    output.mark([{ top: chosen.y, left: chosen.x }]);
    const number = model.values[chosen.layer][((chosen.channel ?? 0) * height + chosen.y) * width + chosen.x];
    value.textContent =
      height * width === 1
        ? `its value: ${short(number)}`
        : `row ${chosen.y + 1}, column ${chosen.x + 1}: ${short(number)}`;
    view?.pixel(number);
  }
}

function partsFor(layer: Layer): StartParts {
  if (isConvolving(layer)) return convolutionParts;
  return layer.kind === "linear" ? linearParts : otherParts;
}

// To begin with: the first convolution of several maps, or the first of all.
function tellingConvolution(model: Model): number {
  const places = model.layers.map((_, i) => i).filter((i) => model.layers[i].kind === "convolution");
  const ofSeveral = places.find((i) => asMaps(model.layers[model.layers[i].inputs[0]].shape)[0] > 1);
  return ofSeveral ?? places[0] ?? 1;
}
