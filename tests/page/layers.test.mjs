// Layers with values that one can check by hand.

import assert from "node:assert/strict";
import test from "node:test";

import {
  convolve,
  convolveTransposed,
  packedWeights,
} from "../../sklearn_cae/explain/page/tensor/convolution.js";
import { computed, POINTWISE, prepared } from "../../sklearn_cae/explain/page/tensor/layers.js";
import { halves } from "../../sklearn_cae/explain/page/tensor/halves.js";
import {
  asMaps,
  partialSum,
  partsOf,
  readMaps,
  tapsOf,
} from "../../sklearn_cae/explain/page/tensor/apart.js";
import { uniformsOf } from "../../sklearn_cae/explain/page/random.js";

// The result of such parts, as the layer computes it.
function togetherOf(layer, { how, parts, mean, deviation, factor, shift }) {
  const values = parts.map(({ value }) => value);
  const [one = layer.options.value ?? 0, other] = values;
  switch (how) {
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
      return ((one - mean) / deviation) * factor + shift;
    case "affine":
      return factor * one + shift;
    case "function":
      return POINTWISE[layer.kind](layer.options)(one);
    default:
      return one;
  }
}

const floats = (...values) => Float32Array.from(values);

function random(length, seed) {
  const uniform = uniformsOf(seed);
  return Float32Array.from({ length }, () => uniform() - 0.5);
}

function run(kind, options, shape, inputs, inputShapes, weights = {}) {
  const layer = prepared({ kind, options, shape }, weights);
  return Array.from(computed(layer, inputs, inputShapes));
}

// A convolution of any options, as its formula says.
function slowly(
  input,
  [, height, width],
  weight,
  [outputs, inputs, kh, kw],
  bias,
  { stride, padding, dilation, groups },
  [, h, w],
) {
  const result = [];
  for (let o = 0; o < outputs; o++) {
    const first = Math.floor(o / (outputs / groups)) * inputs;
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        let sum = bias[o];
        for (let i = 0; i < inputs; i++) {
          for (let a = 0; a < kh; a++) {
            for (let b = 0; b < kw; b++) {
              const [row, column] = [
                y * stride[0] - padding[0] + a * dilation[0],
                x * stride[1] - padding[1] + b * dilation[1],
              ];
              if (row < 0 || row >= height || column < 0 || column >= width) continue;
              sum +=
                input[((first + i) * height + row) * width + column] *
                weight[((o * inputs + i) * kh + a) * kw + b];
            }
          }
        }
        result.push(sum);
      }
    }
  }
  return result;
}

function assertClose(found, expected) {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++)
    assert.ok(Math.abs(found[i] - expected[i]) < 1e-5, `${i}: ${found[i]} is not ${expected[i]}`);
}

const CASES = [
  {
    name: "plain",
    input: [3, 5, 6],
    weight: [5, 3, 3, 3],
    shape: [5, 5, 6],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 1,
  },
  {
    name: "of stride 2 and odd width",
    input: [2, 7, 5],
    weight: [4, 2, 3, 3],
    shape: [4, 4, 3],
    stride: [2, 2],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 1,
  },
  {
    name: "dilated",
    input: [2, 6, 6],
    weight: [3, 2, 3, 3],
    shape: [3, 6, 6],
    stride: [1, 1],
    padding: [2, 2],
    dilation: [2, 2],
    groups: 1,
  },
  {
    name: "in groups of two",
    input: [6, 4, 4],
    weight: [6, 2, 3, 3],
    shape: [6, 4, 4],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 3,
  },
  {
    name: "in groups of one",
    input: [6, 4, 4],
    weight: [6, 1, 3, 3],
    shape: [6, 4, 4],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    groups: 6,
  },
  {
    name: "of one pixel",
    input: [5, 1, 1],
    weight: [2, 5, 1, 1],
    shape: [2, 1, 1],
    stride: [1, 1],
    padding: [0, 0],
    dilation: [1, 1],
    groups: 1,
  },
  {
    name: "without padding",
    input: [1, 5, 5],
    weight: [1, 1, 3, 3],
    shape: [1, 3, 3],
    stride: [1, 1],
    padding: [0, 0],
    dilation: [1, 1],
    groups: 1,
  },
  {
    name: "2 x 2 that halves",
    input: [3, 6, 4],
    weight: [4, 3, 2, 2],
    shape: [4, 3, 2],
    stride: [2, 2],
    padding: [0, 0],
    dilation: [1, 1],
    groups: 1,
  },
];

const product = (sides) => sides.reduce((a, b) => a * b, 1);

for (const { name, input, weight, shape, ...options } of CASES) {
  test(`a convolution ${name} is what its formula says`, () => {
    const [values, weights, bias] = [
      random(product(input), 1),
      random(product(weight), 2),
      random(weight[0], 3),
    ];
    const layer = { shape, options, weightShape: weight, packed: packedWeights(weights, weight), bias };
    assertClose(convolve(values, input, layer), slowly(values, input, weights, weight, bias, options, shape));
  });

  test(`the parts of a convolution ${name} add up to it`, () => {
    const [values, weights] = [
      random(product(input), 1),
      { values: random(product(weight), 2), shape: weight },
    ];
    const layer = { kind: "convolution", shape, options };
    const whole = slowly(values, input, weights.values, weight, new Float32Array(weight[0]), options, shape);
    const size = shape[1] * shape[2];
    const channel = weight[0] - 1;
    const sums = new Float64Array(size);
    for (const map of readMaps(layer, weights, input, channel)) {
      const part = partialSum(layer, weights, values, input, channel, map);
      for (let i = 0; i < size; i++) {
        const { sum } = tapsOf(
          layer,
          weights,
          values,
          input,
          channel,
          map,
          Math.floor(i / shape[2]),
          i % shape[2],
        );
        assert.ok(Math.abs(sum - part[i]) < 1e-6);
        sums[i] += part[i];
      }
    }
    assertClose(sums, whole.slice(channel * size));
  });
}

test("a transposed convolution of stride 2 paints its kernel for each value", () => {
  const layer = {
    shape: [1, 4, 4],
    options: { stride: [2, 2], padding: [0, 0] },
    weightShape: [1, 1, 2, 2],
    weight: floats(1, 2, 3, 4),
    bias: floats(10),
  };
  assert.deepEqual(
    Array.from(convolveTransposed(floats(1, 0, 0, 2), [1, 2, 2], layer)),
    [11, 12, 10, 10, 13, 14, 10, 10, 10, 10, 12, 14, 10, 10, 16, 18],
  );
});

test("the parts of a transposed convolution add up to it", () => {
  const weight = { values: random(2 * 3 * 16, 4), shape: [2, 3, 4, 4] };
  const layer = {
    kind: "transposed convolution",
    shape: [3, 6, 6],
    options: { stride: [2, 2], padding: [1, 1] },
  };
  const input = random(2 * 9, 5);
  const whole = convolveTransposed(input, [2, 3, 3], {
    ...layer,
    weight: weight.values,
    weightShape: weight.shape,
  });
  const parts = [0, 1].map((map) => partialSum(layer, weight, input, [2, 3, 3], 1, map));
  assertClose(
    parts[0].map((v, i) => v + parts[1][i]),
    whole.slice(36, 72),
  );
});

test("max pooling that rounds up keeps the last row and column", () => {
  const values = floats(1, 2, 3, 4, 5, 6, 7, 8, 9);
  const options = { size: [2, 2], stride: [2, 2], padding: [0, 0] };
  assert.deepEqual(run("maximum", options, [1, 2, 2], [values], [[1, 3, 3]]), [5, 6, 8, 9]);
});

test("average pooling gives means", () => {
  const options = { size: [2, 2], stride: [2, 2], padding: [0, 0] };
  assert.deepEqual(run("average", options, [1, 1, 1], [floats(1, 2, 3, 6)], [[1, 2, 2]]), [3]);
});

test("up-sampling repeats values", () => {
  assert.deepEqual(
    run("repetition", { factor: [2, 2] }, [1, 2, 4], [floats(1, 2)], [[1, 1, 2]]),
    [1, 1, 2, 2, 1, 1, 2, 2],
  );
});

test("batch normalisation shifts and scales each map", () => {
  const weights = {
    mean: { values: floats(1) },
    variance: { values: floats(4) },
    weight: { values: floats(3) },
    bias: { values: floats(5) },
  };
  assertClose(run("normalization", { eps: 0 }, [1, 1, 2], [floats(1, 3)], [[1, 1, 2]], weights), [5, 8]);
});

test("ReLU and sigmoid bend", () => {
  assert.deepEqual(run("relu", {}, [1, 1, 3], [floats(-1, 0, 2)], [[1, 1, 3]]), [0, 0, 2]);
  assertClose(run("sigmoid", {}, [1, 1, 2], [floats(0, Math.log(3))], [[1, 1, 2]]), [0.5, 0.75]);
});

test("a pixel shuffle undoes a pixel unshuffle", () => {
  const values = random(2 * 4 * 6, 6);
  const small = Float32Array.from(run("pixel unshuffle", { factor: 2 }, [8, 2, 3], [values], [[2, 4, 6]]));
  assert.deepEqual(run("pixel shuffle", { factor: 2 }, [2, 4, 6], [small], [[8, 2, 3]]), Array.from(values));
});

test("borders are repeated, reflected or constant", () => {
  const padded = (mode) =>
    run("padding", { top: 0, left: 2, mode, value: 7 }, [1, 1, 5], [floats(1, 2, 3)], [[1, 1, 3]]);
  assert.deepEqual(padded("replicate"), [1, 1, 1, 2, 3]);
  assert.deepEqual(padded("reflect"), [3, 2, 1, 2, 3]);
  assert.deepEqual(padded("constant"), [7, 7, 1, 2, 3]);
});

const SIMPLE = [
  ["maximum", { size: [2, 2], stride: [2, 2], padding: [0, 0] }, [2, 2, 2], [[2, 3, 4]]],
  ["repetition", { factor: [2, 2] }, [2, 4, 4], [[2, 2, 2]]],
  ["crop", { start: [0, 1, 1] }, [2, 2, 2], [[2, 3, 3]]],
  ["padding", { top: 1, left: 0, mode: "replicate", value: 0 }, [1, 3, 2], [[1, 2, 2]]],
  [
    "concatenation",
    {},
    [3, 2, 2],
    [
      [1, 2, 2],
      [2, 2, 2],
    ],
  ],
  [
    "sum",
    {},
    [1, 2, 2],
    [
      [1, 2, 2],
      [1, 2, 2],
    ],
  ],
  [
    "difference",
    {},
    [1, 2, 2],
    [
      [1, 2, 2],
      [1, 2, 2],
    ],
  ],
  [
    "product",
    {},
    [1, 2, 2],
    [
      [1, 2, 2],
      [1, 2, 2],
    ],
  ],
  ["pixel shuffle", { factor: 2 }, [1, 4, 4], [[4, 2, 2]]],
  ["pixel unshuffle", { factor: 2 }, [4, 2, 2], [[1, 4, 4]]],
  ["reshape", {}, [12], [[3, 2, 2]]],
  ["channels", {}, [3, 2, 2], [[1, 2, 2]]],
  ["relu", {}, [1, 2, 2], [[1, 2, 2]]],
  ["tanh", {}, [1, 2, 2], [[1, 2, 2]]],
];

for (const [kind, options, shape, inputShapes] of SIMPLE) {
  test(`each value of ${kind} is made of the parts that are told`, () => {
    const inputs = inputShapes.map((sides, i) => random(product(sides), 7 + i));
    const values = run(kind, options, shape, inputs, inputShapes);
    const maps = asMaps(shape);
    const layer = { kind, options, shape: maps };
    let i = 0;
    for (let c = 0; c < maps[0]; c++) {
      for (let y = 0; y < maps[1]; y++) {
        for (let x = 0; x < maps[2]; x++, i++) {
          const made = partsOf(layer, {}, inputs, inputShapes.map(asMaps), c, y, x);
          assert.ok(Math.abs(togetherOf(layer, made) - values[i]) < 1e-6);
        }
      }
    }
  });
}

test("numbers of 16 bits are read as numpy writes them", () => {
  // np.array([1, -2, 0.1, 65504, 6e-8, np.inf], np.float16).view(np.uint16)
  const values = halves(Uint16Array.from([15360, 49152, 11878, 31743, 1, 31744]));
  assertClose(values.slice(0, 5), [1, -2, 0.0999755859375, 65504, 5.960464477539063e-8]);
  assert.equal(values[5], Infinity);
});
