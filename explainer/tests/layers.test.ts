// Layers with values that one can check by hand.

import { expect, test } from "vitest";
import { computed, prepared } from "../src/tensor/layers";
import type { LayerWeights, Pair, Shape, Step, Values } from "../src/types";
import { expectClose, floats, random } from "./values";

const run = (layer: Step, inputs: Values[], inputShapes: Shape[], weights: LayerWeights = {}): number[] =>
  Array.from(computed(prepared(layer, weights), inputs, inputShapes));

const halving = { size: [2, 2] as Pair, stride: [2, 2] as Pair, padding: [0, 0] as Pair };

test("max pooling that rounds up keeps the last row and column", () => {
  const values = floats(1, 2, 3, 4, 5, 6, 7, 8, 9);
  const layer: Step = { kind: "maximum", options: halving, shape: [1, 2, 2] };
  expect(run(layer, [values], [[1, 3, 3]])).toEqual([5, 6, 8, 9]);
});

test("average pooling gives means", () => {
  const layer: Step = { kind: "average", options: halving, shape: [1, 1, 1] };
  expect(run(layer, [floats(1, 2, 3, 6)], [[1, 2, 2]])).toEqual([3]);
});

test("up-sampling repeats values", () => {
  const layer: Step = { kind: "repetition", options: { factor: [2, 2] }, shape: [1, 2, 4] };
  expect(run(layer, [floats(1, 2)], [[1, 1, 2]])).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
});

test("a linear layer adds products and its bias", () => {
  const layer: Step = { kind: "linear", options: {}, shape: [2] };
  const weights = {
    weight: { values: floats(1, 2, 3, 4), shape: [2, 2] },
    bias: { values: floats(10, 20), shape: [2] },
  };
  expect(run(layer, [floats(1, -1)], [[2]], weights)).toEqual([9, 19]);
});

test("batch normalisation shifts and scales each map", () => {
  const one = (value: number) => ({ values: floats(value), shape: [1] });
  const weights = { mean: one(1), variance: one(4), weight: one(3), bias: one(5) };
  const layer: Step = { kind: "normalization", options: { eps: 0 }, shape: [1, 1, 2] };
  expectClose(run(layer, [floats(1, 3)], [[1, 1, 2]], weights), [5, 8]);
});

test("ReLU, leaky ReLU, sigmoid and clamp bend", () => {
  const bent = (layer: Pick<Step, "kind" | "options">, ...values: number[]) => {
    const shape = [1, 1, values.length];
    return run({ ...layer, shape } as Step, [floats(...values)], [shape]);
  };
  expect(bent({ kind: "relu", options: {} }, -1, 0, 2)).toEqual([0, 0, 2]);
  expect(bent({ kind: "leaky relu", options: { slope: 0.5 } }, -1, 2)).toEqual([-0.5, 2]);
  expectClose(bent({ kind: "sigmoid", options: {} }, 0, Math.log(3)), [0.5, 0.75]);
  expect(bent({ kind: "clamp", options: { low: 0, high: null } }, -1, 9)).toEqual([0, 9]);
});

test("a pixel shuffle undoes a pixel unshuffle", () => {
  const values = random(2 * 4 * 6, 6);
  const options = { factor: 2 };
  const small = run({ kind: "pixel unshuffle", options, shape: [8, 2, 3] }, [values], [[2, 4, 6]]);
  const again = run({ kind: "pixel shuffle", options, shape: [2, 4, 6] }, [floats(...small)], [[8, 2, 3]]);
  expect(again).toEqual([...values]);
});

test.each([
  ["replicate", [1, 1, 1, 2, 3]],
  ["reflect", [3, 2, 1, 2, 3]],
  ["constant", [7, 7, 1, 2, 3]],
] as const)("a border is padded by %s", (mode, expected) => {
  const options = { top: 0, left: 2, mode, value: 7 };
  const layer: Step = { kind: "padding", options, shape: [1, 1, 5] };
  expect(run(layer, [floats(1, 2, 3)], [[1, 1, 3]])).toEqual(expected);
});
