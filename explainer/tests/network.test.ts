import { expect, test } from "vitest";
import { halves } from "../src/tensor/halves";
import { createRunner } from "../src/tensor/network";
import type { Graph, Layer } from "../src/types";
import { expectClose, floats } from "./values";

const flat = (layer: Pick<Layer, "kind" | "inputs" | "weights">): Layer =>
  ({ options: {}, shape: [1], name: "", nWeights: 0, ...layer }) as Layer;

// Twice the image, and that times itself.
const graph: Graph = {
  layers: [
    flat({ kind: "input", inputs: [], weights: {} }),
    flat({ kind: "linear", inputs: [0], weights: { weight: { start: 0, shape: [1, 1] } } }),
    flat({ kind: "product", inputs: [1, 1], weights: {} }),
  ],
  code: 1,
};
// 2, and 1 as a number of 16 bits.
const run = createRunner(graph, [floats(2), Uint16Array.of(15360)]);

test("all layers are computed, each from those that it reads", () => {
  expect(run({ given: floats(3) }).values.map((values) => values[0])).toEqual([3, 6, 36]);
});

test("from a code only what follows it is computed", () => {
  const { values } = run({ given: floats(5), start: 1 });
  expect(values[0]).toBeUndefined();
  expect(values[2][0]).toBe(25);
});

test("the output alone is the last layer", () => {
  expect(run({ given: floats(3), onlyOutput: true }).values).toEqual([floats(36)]);
});

test("another state has other weights, in half precision", () => {
  expect(run({ given: floats(3), state: 1, onlyOutput: true }).values).toEqual([floats(9)]);
});

test("numbers of 16 bits are read as numpy writes them", () => {
  // np.array([1, -2, 0.1, 65504, 6e-8, np.inf], np.float16).view(np.uint16)
  const values = halves(Uint16Array.of(15360, 49152, 11878, 31743, 1, 31744));
  expectClose(values.slice(0, 5), [1, -2, 0.0999755859375, 65504, 5.960464477539063e-8]);
  expect(values[5]).toBe(Infinity);
});
