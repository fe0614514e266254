// One value of a layer, taken apart into what makes it.

import type { Kind, Layer, LayerWeights, Shape, Step, StepOf, Values, Weight } from "../types";
import { windowOf } from "./layers";

// A layer that multiplies windows by kernels.
export type Convolving = StepOf<"convolution"> | StepOf<"transposed convolution">;
export const isConvolving = (layer: Layer): layer is Layer & Convolving =>
  layer.kind === "convolution" || layer.kind === "transposed convolution";

// A value with its place.
interface Part {
  input: number;
  channel: number;
  row: number;
  column: number;
  value: number;
}

// How a value is made of others.
export type Made = { parts: Part[] } & (
  | { how: "largest" | "mean" | "sum" | "difference" | "product" | "function" | "copied" }
  | { how: "normalized"; mean: number; deviation: number; factor: number; shift: number }
  | { how: "affine"; factor: number; shift: number }
);

// A tap of a kernel: its place in the kernel, in the input map and among the weights.
interface TapPlace {
  a: number;
  b: number;
  row: number;
  column: number;
  at: number;
}
export interface Tap extends Omit<TapPlace, "at"> {
  isInside: boolean;
  value: number;
  weight: number;
  product: number;
}

// Flat values as maps of one pixel each.
export const asMaps = (shape: Shape): Shape => (shape.length === 1 ? [shape[0], 1, 1] : shape);

// `output + (batch - seen)`, value by value.
export const sum = (output: Values, noisy: Values, seen: Values) =>
  output.map((value, i) => value + noisy[i] - seen[i]);

// The part of a convolution's output that one of its input maps makes: without the bias.
export function partialSum(
  layer: Convolving,
  weight: Weight,
  input: Values,
  inputShape: Shape,
  channel: number,
  inputMap: number,
): Values {
  const [, height, width] = layer.shape;
  const result = new Float32Array(height * width);
  const [, inputHeight, inputWidth] = inputShape;
  if (layer.kind === "transposed convolution") {
    for (let i = 0; i < result.length; i++) {
      const [y, x] = [Math.floor(i / width), i % width];
      result[i] = tapsOf(layer, weight, input, inputShape, channel, inputMap, y, x).sum;
    }
    return result;
  }
  const { stride, padding, dilation } = layer.options;
  const [, second, kernelHeight, kernelWidth] = weight.shape;
  const start = (channel * second + (inputMap % second)) * kernelHeight * kernelWidth;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      let total = 0;
      for (let a = 0; a < kernelHeight; a++) {
        const row = y * stride[0] - padding[0] + a * dilation[0];
        if (row < 0 || row >= inputHeight) continue;
        for (let b = 0; b < kernelWidth; b++) {
          const column = x * stride[1] - padding[1] + b * dilation[1];
          if (column < 0 || column >= inputWidth) continue;
          total +=
            input[(inputMap * inputHeight + row) * inputWidth + column] *
            weight.values[start + a * kernelWidth + b];
        }
      }
      result[i] = total;
    }
  }
  return result;
}

// Which input maps a map of a convolution reads: all of its group.
export function readMaps(layer: Convolving, weight: Weight, inputShape: Shape, channel: number): number[] {
  if (layer.kind === "transposed convolution") return range(0, inputShape[0]);
  const perGroup = weight.shape[1];
  const group = Math.floor(channel / (layer.shape[0] / layer.options.groups));
  return range(group * perGroup, (group + 1) * perGroup);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

// What one input map adds to one value: each tap with its place, its value, its weight.
export function tapsOf(
  layer: Convolving,
  weight: Weight,
  input: Values,
  inputShape: Shape,
  channel: number,
  inputMap: number,
  y: number,
  x: number,
): { taps: Tap[]; sum: number } {
  const [, height, width] = inputShape;
  const taps = placesOf(layer, weight, channel, inputMap, y, x).map(({ row, column, at, ...tap }) => {
    const isInside = row >= 0 && row < height && column >= 0 && column < width;
    const value = isInside ? input[(inputMap * height + row) * width + column] : 0;
    return {
      ...tap,
      row,
      column,
      isInside,
      value,
      weight: weight.values[at],
      product: value * weight.values[at],
    };
  });
  return { taps, sum: taps.reduce((total, { product }) => total + product, 0) };
}

// For each tap of a kernel its place in the kernel, in the input map and among the weights.
function placesOf(
  layer: Convolving,
  weight: Weight,
  channel: number,
  inputMap: number,
  y: number,
  x: number,
): TapPlace[] {
  const [, second, kernelHeight, kernelWidth] = weight.shape;
  const { stride, padding } = layer.options;
  const places: TapPlace[] = [];
  if (layer.kind === "transposed convolution") {
    // Those input values whose kernel, laid down with the stride, reaches this place.
    for (let a = 0; a < kernelHeight; a++) {
      for (let b = 0; b < kernelWidth; b++) {
        const [down, across] = [y + padding[0] - a, x + padding[1] - b];
        if (down % stride[0] !== 0 || across % stride[1] !== 0) continue;
        const at = ((inputMap * second + channel) * kernelHeight + a) * kernelWidth + b;
        places.push({ a, b, row: down / stride[0], column: across / stride[1], at });
      }
    }
    return places;
  }
  const { dilation } = layer.options;
  const inGroup = inputMap % second;
  for (let a = 0; a < kernelHeight; a++) {
    for (let b = 0; b < kernelWidth; b++) {
      const at = ((channel * second + inGroup) * kernelHeight + a) * kernelWidth + b;
      const row = y * stride[0] - padding[0] + a * dilation[0];
      const column = x * stride[1] - padding[1] + b * dilation[1];
      places.push({ a, b, row, column, at });
    }
  }
  return places;
}

// For layers that compute each value from few others: these, with their places, and how.
export function partsOf(
  layer: Step,
  weights: LayerWeights,
  inputs: Values[],
  inputShapes: Shape[],
  channel: number,
  y: number,
  x: number,
): Made {
  const describe = PARTS[layer.kind as keyof typeof PARTS] as (given: Given<Step>) => Made;
  return describe({ layer, weights, inputs, inputShapes, channel, y, x });
}

// A value of a layer, with all that the layer reads.
interface Given<L> {
  layer: L;
  weights: LayerWeights;
  inputs: Values[];
  inputShapes: Shape[];
  channel: number;
  y: number;
  x: number;
}

const valueAt = (
  values: Values,
  [, height, width]: Shape,
  channel: number,
  row: number,
  column: number,
): number => values[(channel * height + row) * width + column];

function same({ inputs, inputShapes, channel, y, x }: Given<Step>, of = 0): Part[] {
  return [
    { input: of, channel, row: y, column: x, value: valueAt(inputs[of], inputShapes[of], channel, y, x) },
  ];
}

function copied<K extends Kind>(
  place: (given: Given<StepOf<K>>) => Partial<Part> & Omit<Part, "input" | "value">,
) {
  return (given: Given<StepOf<K>>): Made => {
    const { input = 0, channel, row, column } = place(given);
    const [, height, width] = given.inputShapes[input];
    const isInside = row >= 0 && column >= 0 && row < height && column < width;
    const value = isInside ? valueAt(given.inputs[input], given.inputShapes[input], channel, row, column) : 0;
    return { how: "copied", parts: isInside ? [{ input, channel, row, column, value }] : [] };
  };
}

function pooledParts(how: "largest" | "mean") {
  return (given: Given<StepOf<"maximum" | "average">>): Made => {
    const { layer, inputs, inputShapes, channel, y, x } = given;
    const { top, bottom, left, right } = windowOf(layer, inputShapes[0], y, x);
    const parts: Part[] = [];
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        parts.push({
          input: 0,
          channel,
          row,
          column,
          value: valueAt(inputs[0], inputShapes[0], channel, row, column),
        });
      }
    }
    return { how, parts };
  };
}

const both =
  (how: "sum" | "difference" | "product") =>
  (given: Given<Step>): Made => ({ how, parts: [...same(given, 0), ...same(given, 1)] });

const bent = (given: Given<Step>): Made => ({ how: "function", parts: same(given) });

// Convolutions and linear layers have parts of their own.
type Few = Exclude<Kind, "input" | "convolution" | "transposed convolution" | "linear">;

const PARTS: { [K in Few]: (given: Given<StepOf<K>>) => Made } = {
  maximum: pooledParts("largest"),
  average: pooledParts("mean"),
  sum: both("sum"),
  difference: both("difference"),
  product: both("product"),
  normalization: (given) => {
    const { weights, channel, layer } = given;
    const mean = weights.mean!.values[channel];
    const deviation = Math.sqrt(weights.variance!.values[channel] + layer.options.eps);
    return {
      how: "normalized",
      parts: same(given),
      mean,
      deviation,
      factor: weights.weight?.values[channel] ?? 1,
      shift: weights.bias?.values[channel] ?? 0,
    };
  },
  affine: (given) => {
    const { weights, channel } = given;
    return {
      how: "affine",
      parts: same(given),
      factor: weights.scale!.values[channel],
      shift: weights.shift!.values[channel],
    };
  },
  repetition: copied<"repetition">(({ layer, channel, y, x }) => {
    const [down, across] = layer.options.factor;
    return { channel, row: Math.floor(y / down), column: Math.floor(x / across) };
  }),
  channels: copied<"channels">(({ y, x }) => ({ channel: 0, row: y, column: x })),
  crop: copied<"crop">(({ layer, channel, y, x }) => {
    const [first, top, left] = layer.options.start;
    return { channel: channel + first, row: y + top, column: x + left };
  }),
  padding: copied<"padding">(({ layer, inputShapes, channel, y, x }) => {
    const { top, left, mode } = layer.options;
    const [, height, width] = inputShapes[0];
    return { channel, row: beside(y - top, height, mode), column: beside(x - left, width, mode) };
  }),
  concatenation: copied<"concatenation">(({ inputShapes, channel, y, x }) => {
    let input = 0;
    while (channel >= inputShapes[input][0]) channel -= inputShapes[input++][0];
    return { input, channel, row: y, column: x };
  }),
  reshape: copied<"reshape">(({ layer, inputShapes, channel, y, x }) => {
    const [, ownHeight, ownWidth] = asMaps(layer.shape);
    const [, height, width] = inputShapes[0];
    const at = (channel * ownHeight + y) * ownWidth + x;
    return {
      channel: Math.floor(at / (height * width)),
      row: Math.floor((at % (height * width)) / width),
      column: at % width,
    };
  }),
  "pixel unshuffle": copied<"pixel unshuffle">(({ layer, channel, y, x }) => {
    const { factor } = layer.options;
    const place = channel % factor ** 2;
    const [down, across] = [Math.floor(place / factor), place % factor];
    return {
      channel: Math.floor(channel / factor ** 2),
      row: y * factor + down,
      column: x * factor + across,
    };
  }),
  "pixel shuffle": copied<"pixel shuffle">(({ layer, channel, y, x }) => {
    const { factor } = layer.options;
    const place = (y % factor) * factor + (x % factor);
    return {
      channel: channel * factor ** 2 + place,
      row: Math.floor(y / factor),
      column: Math.floor(x / factor),
    };
  }),
  relu: bent,
  "leaky relu": bent,
  sigmoid: bent,
  tanh: bent,
  clamp: bent,
};

function beside(i: number, length: number, mode: string): number {
  if (mode === "constant") return i;
  if (mode === "replicate") return Math.min(length - 1, Math.max(0, i));
  return i < 0 ? -i : i >= length ? 2 * length - 2 - i : i;
}

// A network halves some times and rounds up, so the last place may be only partly in the image.
export function pixelsOfPlace(places: number, pixels: number): number {
  const halved = 2 ** Math.ceil(Math.log2(pixels / places));
  return Math.ceil(pixels / halved) === places ? halved : pixels / places;
}
