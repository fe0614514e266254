// What a value is made of, put together again, is the value.

import { expect, test } from "vitest";
import { asMaps, partialSum, partsOf, pixelsOfPlace, readMaps, tapsOf, type Made } from "../src/tensor/apart";
import { convolveTransposed } from "../src/tensor/convolution";
import { bendOf, computed, lengthOf, prepared } from "../src/tensor/layers";
import type { LayerWeights, Shape, Step, StepOf } from "../src/types";
import { CASES, slowly } from "./convolutions";
import { expectClose, floats, random } from "./values";

test.each(CASES)("the parts of a convolution $name add up to it", (given) => {
  const { input, weight: shape, options } = given;
  const values = random(lengthOf(input), 1);
  const weight = { values: random(lengthOf(shape), 2), shape };
  const layer: StepOf<"convolution"> = { kind: "convolution", shape: given.shape, options };
  const whole = slowly(values, weight.values, new Float32Array(shape[0]), given);
  const [, height, width] = given.shape;
  const channel = shape[0] - 1;
  const sums = new Float64Array(height * width);
  for (const map of readMaps(layer, weight, input, channel)) {
    const part = partialSum(layer, weight, values, input, channel, map);
    const taps = Array.from(
      part,
      (_, i) => tapsOf(layer, weight, values, input, channel, map, Math.floor(i / width), i % width).sum,
    );
    expectClose(taps, part, 1e-6);
    for (let i = 0; i < sums.length; i++) sums[i] += part[i];
  }
  expectClose(sums, whole.slice(channel * height * width));
});

test("the parts of a transposed convolution add up to it", () => {
  const weight = { values: random(2 * 3 * 16, 4), shape: [2, 3, 4, 4] };
  const layer: StepOf<"transposed convolution"> = {
    kind: "transposed convolution",
    shape: [3, 6, 6],
    options: { stride: [2, 2], padding: [1, 1] },
  };
  const input = random(2 * 9, 5);
  const of = { ...layer, weight: weight.values, weightShape: weight.shape };
  const whole = convolveTransposed(input, [2, 3, 3], of);
  const [one, other] = [0, 1].map((map) => partialSum(layer, weight, input, [2, 3, 3], 1, map));
  expectClose(
    one.map((v, i) => v + other[i]),
    whole.slice(36, 72),
  );
});

// The result of such parts, as the layer computes it.
function together(layer: Step, made: Made): number {
  const values = made.parts.map(({ value }) => value);
  const [one = layer.kind === "padding" ? layer.options.value : 0, other] = values;
  switch (made.how) {
    case "largest":
      return Math.max(...values);
    case "mean":
      return values.reduce((a, b) => a + b, 0) / values.length;
    case "sum":
      return one + other;
    case "difference":
      return one - other;
    case "product":
      return one * other;
    case "normalized":
      return ((one - made.mean) / made.deviation) * made.factor + made.shift;
    case "affine":
      return made.factor * one + made.shift;
    case "function":
      return bendOf(layer)!(one);
    default:
      return one;
  }
}

const ofMaps = (...values: number[]) => ({ values: floats(...values), shape: [values.length] });

const SIMPLE: [Step, Shape[], LayerWeights?][] = [
  [
    { kind: "maximum", options: { size: [2, 2], stride: [2, 2], padding: [0, 0] }, shape: [2, 2, 2] },
    [[2, 3, 4]],
  ],
  [
    { kind: "average", options: { size: [2, 2], stride: [2, 2], padding: [0, 0] }, shape: [2, 1, 2] },
    [[2, 2, 4]],
  ],
  [{ kind: "repetition", options: { factor: [2, 2] }, shape: [2, 4, 4] }, [[2, 2, 2]]],
  [{ kind: "crop", options: { start: [0, 1, 1] }, shape: [2, 2, 2] }, [[2, 3, 3]]],
  [
    { kind: "padding", options: { top: 1, left: 0, mode: "replicate", value: 0 }, shape: [1, 3, 2] },
    [[1, 2, 2]],
  ],
  [
    { kind: "padding", options: { top: 1, left: 1, mode: "reflect", value: 0 }, shape: [1, 4, 4] },
    [[1, 2, 2]],
  ],
  [
    { kind: "padding", options: { top: 1, left: 1, mode: "constant", value: 7 }, shape: [1, 3, 3] },
    [[1, 2, 2]],
  ],
  [
    { kind: "concatenation", options: {}, shape: [3, 2, 2] },
    [
      [1, 2, 2],
      [2, 2, 2],
    ],
  ],
  ...(["sum", "difference", "product"] as const).map((kind): [Step, Shape[]] => [
    { kind, options: {}, shape: [1, 2, 2] },
    [
      [1, 2, 2],
      [1, 2, 2],
    ],
  ]),
  [{ kind: "pixel shuffle", options: { factor: 2 }, shape: [1, 4, 4] }, [[4, 2, 2]]],
  [{ kind: "pixel unshuffle", options: { factor: 2 }, shape: [4, 2, 2] }, [[1, 4, 4]]],
  [{ kind: "reshape", options: {}, shape: [12] }, [[3, 2, 2]]],
  [{ kind: "channels", options: {}, shape: [3, 2, 2] }, [[1, 2, 2]]],
  [{ kind: "relu", options: {}, shape: [1, 2, 2] }, [[1, 2, 2]]],
  [{ kind: "tanh", options: {}, shape: [1, 2, 2] }, [[1, 2, 2]]],
  [
    { kind: "normalization", options: { eps: 0.1 }, shape: [2, 2, 1] },
    [[2, 2, 1]],
    { mean: ofMaps(1, 2), variance: ofMaps(3, 4), weight: ofMaps(5, 6), bias: ofMaps(7, 8) },
  ],
  [
    { kind: "affine", options: {}, shape: [2, 2, 1] },
    [[2, 2, 1]],
    { scale: ofMaps(1, 2), shift: ofMaps(3, 4) },
  ],
];

test.each(SIMPLE)(
  "each value of $kind is made of the parts that are told",
  (step, inputShapes, weights = {}) => {
    const inputs = inputShapes.map((shape, i) => random(lengthOf(shape), 7 + i));
    const values = computed(prepared(step, weights), inputs, inputShapes);
    const [channels, height, width] = asMaps(step.shape);
    const layer = { ...step, shape: [channels, height, width] };
    const maps = inputShapes.map(asMaps);
    const made = Array.from(values, (_, i) => {
      const [c, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
      return together(layer, partsOf(layer, weights, inputs, maps, c, y, x));
    });
    expect(made.length).toBe(channels * height * width);
    expectClose(made, values);
  },
);

test.each([
  [4, 28, 8],
  [7, 28, 4],
  [9, 65, 8],
  [32, 32, 1],
  [10, 28, 2.8],
])("%i places of %i pixels have %f pixels each", (places, pixels, expected) => {
  expect(pixelsOfPlace(places, pixels)).toBe(expected);
});
