// A convolution in three steps: input maps, kernels and the sums they make; the window at one place;
// its products, and their sum.

import { scaleOf, type Scale } from "../colour";
import { button, el } from "../dom";
import { mapPixels } from "../draw";
import { count, short, signed } from "../format";
import {
  asMaps,
  isConvolving,
  partialSum,
  readMaps,
  tapsOf,
  type Convolving,
  type Tap,
} from "../tensor/apart";
import { lengthOf } from "../tensor/layers";
import type { Chosen, Model, Weight } from "../types";
import { prose } from "../words";
import type { Parts, Redraw } from "./apart";
import { bars, cellTable } from "./cells";
import { mapView, type Rectangle } from "./map_view";

const FEW = 4; // input maps that are shown at once
const MANY_BARS = 8;

let showsAll = false;

export function convolutionParts(
  model: Model,
  chosen: Chosen,
  channel: number,
  { show, showPixel }: Redraw,
): Parts {
  const layer = model.layers[chosen.layer];
  const { weight, bias } = model.weights()[chosen.layer];
  if (!isConvolving(layer) || !weight) throw new TypeError(`${layer.kind} is no convolution`);
  const input = model.values[layer.inputs[0]];
  const inputShape = asMaps(model.layers[layer.inputs[0]].shape);
  // The first layer of a network for colours reads red, green and blue.
  const isColour = layer.inputs[0] === 0 && inputShape[0] === 3;
  const nameOfMap = (map: number) => (isColour ? ["red", "green", "blue"][map] : count(map + 1));
  const sums = readMaps(layer, weight, inputShape, channel).map((map) => {
    const values = partialSum(layer, weight, input, inputShape, channel, map);
    return { map, values, size: values.reduce((total, v) => total + v * v, 0) };
  });
  sums.sort((a, b) => b.size - a.size);
  const shown = showsAll ? sums : sums.slice(0, FEW);
  let inputMap = (chosen.inputMap ??= shown[0].map);
  const inputScale = scaleOf(input);
  const sumScale = scaleOf(Float32Array.from(sums.slice(0, FEW).flatMap(({ values }) => [...values])));
  const both: Scale = { palette: "signs", low: -sumScale.high, high: sumScale.high };
  const kernelLimit = weight.values.reduce((most, w) => Math.max(most, Math.abs(w)), 1e-12);
  const kernelScale: Scale = { palette: "signs", low: -kernelLimit, high: kernelLimit };

  const choose = (map: number) => {
    inputMap = chosen.inputMap = map;
    showPixel();
  };
  const rows = shown.map(({ map, values }) => {
    const from = mapView({ label: `Input map ${map + 1}` });
    from.show(mapPixels(input, inputShape, map, inputScale));
    const kernel = mapView({ label: `Kernel for input map ${map + 1}`, size: "kernel" });
    kernel.show(
      mapPixels(kernelOf(layer, weight, channel, map), [1, ...weight.shape.slice(2)], 0, kernelScale),
    );
    const to = mapView({ label: `Sum for input map ${map + 1}` });
    to.show(mapPixels(values, [1, ...asMaps(layer.shape).slice(1)], 0, both));
    const element = el(
      "button",
      {
        type: "button",
        class: "part-row",
        "aria-label": `Input map ${map + 1}: show its numbers`,
        on: { click: () => choose(map) },
      },
      el("span", { class: "part-name" }, nameOfMap(map)),
      from.element,
      el("span", { class: "sign" }, "∗"),
      kernel.element,
      el("span", { class: "sign" }, "="),
      to.element,
    );
    return { map, from, to, element };
  });
  const whichMaps =
    shown.length === sums.length
      ? `The ${count(sums.length)} input maps`
      : `The ${count(shown.length)} of ${count(sums.length)} input maps that matter most for this map`;
  const numbers = el("div", { class: "numbers" });
  const element = el(
    "div",
    { class: "convolution" },
    el(
      "div",
      { class: "step-one" },
      el("h3", {}, "1 · input map ", el("span", { class: "sign" }, "∗"), " kernel = partial sum"),
      el(
        "p",
        { class: "step-says" },
        ...prose(
          sums.length === 1
            ? "One input map and its *kernel* make this map."
            : `${whichMaps}, each with its *kernel*. The sums on the right, added up${bias ? " with the *bias*" : ""}, are the map.`,
        ),
      ),
      el(
        "div",
        { class: "part-rows" },
        rows.map((row) => row.element),
      ),
      sums.length > FEW &&
        button(
          showsAll ? "Show the strongest only" : `Show all ${count(sums.length)}`,
          () => {
            showsAll = !showsAll;
            show();
          },
          { class: "quiet" },
        ),
    ),
    numbers,
  );

  const pixel = (total: number) => {
    const { y, x } = chosen;
    const { taps, sum } = tapsOf(layer, weight, input, inputShape, channel, inputMap, y, x);
    for (const row of rows) {
      row.element.setAttribute("aria-pressed", String(row.map === inputMap));
      row.from.mark(windowMark(taps));
      row.to.mark([{ top: y, left: x }]);
    }
    const columns = new Set(taps.map(({ b }) => b)).size || 1;
    const productLimit = Math.max(...taps.map(({ product }) => Math.abs(product)), 1e-12);
    const table = (name: string, key: "value" | "weight" | "product", scale: Scale) =>
      el(
        "figure",
        { class: "cell-figure" },
        cellTable(
          taps.map((tap) => ({ value: tap[key], isOutside: key === "value" && !tap.isInside })),
          columns,
          scale,
          name,
        ),
        el("figcaption", {}, name),
      );
    const contributions = sums
      .map(({ map, values }) => ({ map, value: values[y * asMaps(layer.shape)[2] + x] }))
      .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    const rest = contributions.slice(MANY_BARS);
    numbers.replaceChildren(
      el(
        "div",
        { class: "step-two" },
        el(
          "h3",
          {},
          `2 · the window on ${isColour ? "" : "input map "}${nameOfMap(inputMap)}, times its kernel`,
        ),
        el(
          "div",
          { class: "cell-row" },
          table("window", "value", inputScale),
          el("span", { class: "sign" }, "×"),
          table("kernel", "weight", kernelScale),
          el("span", { class: "sign" }, "="),
          table("products", "product", { palette: "signs", low: -productLimit, high: productLimit }),
          el(
            "span",
            { class: "made" },
            el("span", { class: "sign" }, "Σ"),
            el("strong", { class: "sum" }, short(sum)),
          ),
        ),
        taps.some(({ isInside }) => !isInside) &&
          el("p", { class: "step-says" }, "The hatched values lie beyond the border and count as zero."),
      ),
      el(
        "div",
        { class: "step-three" },
        el("h3", {}, "3 · the sums of all input maps", bias ? " and the bias" : ""),
        bars(
          [
            ...contributions.slice(0, MANY_BARS).map(({ map, value }) => ({
              label: isColour ? nameOfMap(map) : `map ${nameOfMap(map)}`,
              value,
              isChosen: map === inputMap,
              onClick: () => choose(map),
            })),
            ...(rest.length
              ? [{ label: `${count(rest.length)} others`, value: rest.reduce((a, b) => a + b.value, 0) }]
              : []),
            ...(bias ? [{ label: "bias", value: bias.values[channel] }] : []),
          ],
          { label: "the value", value: total },
        ),
        el(
          "p",
          { class: "step-says" },
          `${count(taps.length * sums.length)} products${bias ? " and the bias" : ""} make this one value, ${signed(total)}. The layer has ${count(lengthOf(layer.shape))} of them.`,
        ),
      ),
    );
  };

  return { element, pixel };
}

function kernelOf(layer: Convolving, { values, shape }: Weight, channel: number, map: number) {
  const size = shape[2] * shape[3];
  const at = layer.kind === "convolution" ? channel * shape[1] + (map % shape[1]) : map * shape[1] + channel;
  return values.subarray(at * size, (at + 1) * size);
}

// The rectangle of the values that a window reads.
function windowMark(taps: Tap[]): Rectangle[] {
  if (!taps.length) return [];
  const [rows, columns] = [taps.map(({ row }) => row), taps.map(({ column }) => column)];
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  return [{ top, left, height: Math.max(...rows) - top + 1, width: Math.max(...columns) - left + 1 }];
}
