// Layers that make each value of few others: pooling, up-sampling, normalisation, bends, sums.

import { scaleOf } from "../colour";
import { extent, range, scaleLinear } from "../d3";
import { el } from "../dom";
import { mapPixels } from "../draw";
import { short } from "../format";
import { asMaps, partsOf, type Made } from "../tensor/apart";
import { bendOf } from "../tensor/layers";
import type { Chosen, Layer, Model, Pair } from "../types";
import type { Parts } from "./apart";
import { cellTable } from "./cells";
import { mapView } from "./map_view";

export function otherParts(model: Model, chosen: Chosen, channel: number): Parts {
  const layer = model.layers[chosen.layer];
  const weights = model.weights()[chosen.layer];
  const inputs = layer.inputs.map((i) => model.values[i]);
  const inputShapes = layer.inputs.map((i) => asMaps(model.layers[i].shape));
  const shaped = { ...layer, shape: asMaps(layer.shape) };
  const scales = inputs.map(scaleOf);
  const views = inputs.map((_, i) =>
    mapView({ label: inputs.length > 1 ? `Input ${i + 1}` : "Input map", size: "big" }),
  );
  const names = views.map(() => el("figcaption", {}));
  const numbers = el("div", { class: "numbers" });
  const element = el(
    "div",
    { class: "pointwise" },
    el(
      "div",
      {},
      el("h3", {}, inputs.length > 1 ? "the maps it reads" : "the map it reads"),
      el(
        "div",
        { class: "inputs" },
        views.map((view, i) => el("figure", {}, view.element, names[i])),
      ),
    ),
    numbers,
  );

  function pixel(total: number) {
    const { y, x } = chosen;
    const made = partsOf(shaped, weights, inputs, inputShapes, channel, y, x);
    const { parts } = made;
    views.forEach((view, i) => {
      const own = parts.filter(({ input }) => input === i);
      const map = own[0]?.channel ?? Math.min(channel, inputShapes[i][0] - 1);
      view.show(mapPixels(inputs[i], inputShapes[i], map, scales[i]));
      view.element.classList.toggle("unused", own.length === 0);
      view.mark(own.map(({ row, column }) => ({ top: row, left: column })));
      names[i].textContent = own.length ? `map ${map + 1}` : "not this one";
    });
    const scale = scales[parts[0]?.input ?? 0];
    const largest = made.how === "largest" ? Math.max(...parts.map(({ value }) => value)) : null;
    const columns = new Set(parts.map(({ column }) => column)).size || 1;
    numbers.replaceChildren(
      el("h3", {}, "the value"),
      el(
        "div",
        { class: "cell-row" },
        parts.length > 0 &&
          cellTable(
            parts.map(({ value }) => ({ value, isStrong: value === largest })),
            made.how === "largest" || made.how === "mean" ? columns : 1,
            scale,
            "what it reads",
          ),
        el("p", { class: "formula" }, formulaOf(layer, made, total)),
      ),
      ...(made.how === "function" ? [plotOf(bendOf(layer)!, parts[0].value)] : []),
    );
  }

  return { element, pixel };
}

function formulaOf({ kind }: Layer, made: Made, total: number): (string | HTMLElement)[] {
  const { parts } = made;
  const [one, other] = parts.map(({ value }) => short(value));
  const result = el("strong", { class: "sum" }, short(total));
  switch (made.how) {
    case "largest":
      return ["the largest of them: ", result];
    case "mean":
      return ["their mean: ", result];
    case "sum":
      return [`${one} + ${other} = `, result];
    case "difference":
      return [`${one} − ${other} = `, result];
    case "product":
      return [`${one} × ${other} = `, result];
    case "normalized":
      return [
        `(${one} − ${short(made.mean)}) ÷ ${short(made.deviation)} × ${short(made.factor)} + ${short(made.shift)} = `,
        result,
        el(
          "span",
          { class: "small" },
          "value, less the mean of the training, by its spread, times and plus what was learned",
        ),
      ];
    case "affine":
      return [`${short(made.factor)} × ${one} + ${short(made.shift)} = `, result];
    case "function":
      return [`${kind === "relu" ? "ReLU" : kind} of ${one} is `, result];
    default:
      return parts.length ? ["goes on as it is: ", result] : ["lies beyond the border: ", result];
  }
}

// A function with the place of one value on it.
function plotOf(apply: (x: number) => number, value: number): SVGSVGElement {
  const reach = Math.max(4, Math.ceil(Math.abs(value)));
  const [width, height] = [220, 140];
  const px = scaleLinear([-reach, reach], [0, width]);
  const xs = range(0, width + 1, width / 80).map(px.invert);
  const [low, high] = extent([...xs.map(apply), 0, 1]) as Pair;
  const py = scaleLinear([low, high], [height - 10, 10]);
  return el(
    "svg",
    {
      class: "plot function",
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `The function; at ${short(value)} it is ${short(apply(value))}`,
    },
    el("line", { class: "axis", x1: 0, x2: width, y1: py(0), y2: py(0) }),
    el("line", { class: "axis", x1: px(0), x2: px(0), y1: 0, y2: height }),
    el("polyline", { class: "curve", points: xs.map((x) => `${px(x)},${py(apply(x))}`).join(" ") }),
    el("circle", { class: "dot", cx: px(value), cy: py(apply(value)), r: 5 }),
    el("text", { x: width - 4, y: py(0) - 5, "text-anchor": "end" }, short(reach)),
    el("text", { x: px(0) + 5, y: 12 }, short(high)),
  );
}
