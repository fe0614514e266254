// Convolutions of all options, and what their formula says.

import type { OptionsOf, Shape } from "../src/types";

type Options = OptionsOf["convolution"];

interface Case {
  name: string;
  input: Shape;
  weight: Shape;
  shape: Shape;
  options: Options;
}

const usual: Options = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };

export const CASES: Case[] = [
  { name: "plain", input: [3, 5, 6], weight: [5, 3, 3, 3], shape: [5, 5, 6], options: usual },
  {
    name: "of stride 2 and odd width",
    input: [2, 7, 5],
    weight: [4, 2, 3, 3],
    shape: [4, 4, 3],
    options: { ...usual, stride: [2, 2] },
  },
  {
    name: "dilated",
    input: [2, 6, 6],
    weight: [3, 2, 3, 3],
    shape: [3, 6, 6],
    options: { ...usual, padding: [2, 2], dilation: [2, 2] },
  },
  {
    name: "in groups of two",
    input: [6, 4, 4],
    weight: [6, 2, 3, 3],
    shape: [6, 4, 4],
    options: { ...usual, groups: 3 },
  },
  {
    name: "in groups of one",
    input: [6, 4, 4],
    weight: [6, 1, 3, 3],
    shape: [6, 4, 4],
    options: { ...usual, groups: 6 },
  },
  {
    name: "of one pixel",
    input: [5, 1, 1],
    weight: [2, 5, 1, 1],
    shape: [2, 1, 1],
    options: { ...usual, padding: [0, 0] },
  },
  {
    name: "without padding",
    input: [1, 5, 5],
    weight: [1, 1, 3, 3],
    shape: [1, 3, 3],
    options: { ...usual, padding: [0, 0] },
  },
  {
    name: "2 x 2 that halves",
    input: [3, 6, 4],
    weight: [4, 3, 2, 2],
    shape: [4, 3, 2],
    options: { ...usual, stride: [2, 2], padding: [0, 0] },
  },
];

// Each value as the sum that defines it.
export function slowly(
  values: ArrayLike<number>,
  weights: ArrayLike<number>,
  bias: ArrayLike<number>,
  { input, weight, shape, options }: Omit<Case, "name">,
): number[] {
  const [, height, width] = input;
  const [outputs, inputs, kernelHeight, kernelWidth] = weight;
  const { stride, padding, dilation, groups } = options;
  const result: number[] = [];
  for (let o = 0; o < outputs; o++) {
    const first = Math.floor(o / (outputs / groups)) * inputs;
    for (let y = 0; y < shape[1]; y++) {
      for (let x = 0; x < shape[2]; x++) {
        let sum = bias[o];
        for (let i = 0; i < inputs; i++) {
          for (let a = 0; a < kernelHeight; a++) {
            for (let b = 0; b < kernelWidth; b++) {
              const row = y * stride[0] - padding[0] + a * dilation[0];
              const column = x * stride[1] - padding[1] + b * dilation[1];
              if (row < 0 || row >= height || column < 0 || column >= width) continue;
              sum +=
                values[((first + i) * height + row) * width + column] *
                weights[((o * inputs + i) * kernelHeight + a) * kernelWidth + b];
            }
          }
        }
        result.push(sum);
      }
    }
  }
  return result;
}
