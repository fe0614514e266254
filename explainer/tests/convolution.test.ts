import { describe, expect, test } from "vitest";
import { convolve, convolveTransposed, inJavaScript, packedWeights } from "../src/tensor/convolution";
import { lengthOf } from "../src/tensor/layers";
import { createKernel } from "../src/tensor/simd";
import { CASES, slowly } from "./convolutions";
import { expectClose, floats, random } from "./values";

const LOOPS = { WebAssembly: createKernel(), JavaScript: inJavaScript };

test("Node has the instructions of the loop in WebAssembly", () => {
  expect(LOOPS.WebAssembly).not.toBeNull();
});

describe.each(Object.entries(LOOPS))("in %s", (_, reserve) => {
  test.each(CASES)("a convolution $name is what its formula says", (given) => {
    const { input, weight, shape, options } = given;
    const values = random(lengthOf(input), 1);
    const weights = random(lengthOf(weight), 2);
    const bias = random(weight[0], 3);
    const layer = { shape, options, weightShape: weight, packed: packedWeights(weights, weight), bias };
    expectClose(convolve(values, input, layer, reserve!), slowly(values, weights, bias, given));
  });
});

test("a transposed convolution of stride 2 paints its kernel for each value", () => {
  const found = convolveTransposed(floats(1, 0, 0, 2), [1, 2, 2], {
    shape: [1, 4, 4],
    options: { stride: [2, 2], padding: [0, 0] },
    weightShape: [1, 1, 2, 2],
    weight: floats(1, 2, 3, 4),
    bias: floats(10),
  });
  expect([...found]).toEqual([11, 12, 10, 10, 13, 14, 10, 10, 10, 10, 12, 14, 10, 10, 16, 18]);
});
