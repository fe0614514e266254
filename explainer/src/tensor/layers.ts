// The layers of a network: each takes the values of its inputs and gives its own, for one image.
// Maps are (C, H, W), row after row in a Float32Array.

import type { Kind, LayerWeights, OptionsOf, Shape, Step, StepOf, Values } from "../types";
import { convolve, convolveTransposed, packedWeights, type Packed, type Unpacked } from "./convolution";

interface FactorAndSummand {
  scale: ArrayLike<number>;
  shift: ArrayLike<number>;
}

// What layers of some kinds need again for each image, computed once from their weights.
type Extra = {
  convolution: Packed;
  "transposed convolution": Unpacked;
  linear: { weight: Values; bias?: Values };
  normalization: FactorAndSummand;
  affine: FactorAndSummand;
};
type PreparedOf<K extends Kind> = StepOf<K> & (K extends keyof Extra ? Extra[K] : unknown);
export type Prepared = { [K in Kind]: PreparedOf<K> }[Kind];

export const lengthOf = (shape: Shape) => shape.reduce((product, side) => product * side, 1);

// A layer ready to be computed.
export function prepared(layer: Step, weights: LayerWeights): Prepared {
  const { weight, bias, scale, shift } = weights;
  switch (layer.kind) {
    case "convolution":
      return {
        ...layer,
        packed: packedWeights(weight!.values, weight!.shape),
        weightShape: weight!.shape,
        bias: bias?.values,
      };
    case "transposed convolution":
      return { ...layer, weight: weight!.values, weightShape: weight!.shape, bias: bias?.values };
    case "linear":
      return { ...layer, weight: weight!.values, bias: bias?.values };
    case "normalization":
      return { ...layer, ...normalizing(layer, weights) };
    case "affine":
      return { ...layer, scale: scale!.values, shift: shift!.values };
    default:
      return layer;
  }
}

// Batch normalisation of a trained network is a factor and a summand for each map.
export function normalizing(
  { shape, options }: StepOf<"normalization">,
  { mean, variance, weight, bias }: LayerWeights,
): { scale: Float64Array; shift: Float64Array } {
  const scale = new Float64Array(shape[0]);
  const shift = new Float64Array(shape[0]);
  for (let c = 0; c < shape[0]; c++) {
    scale[c] = (weight ? weight.values[c] : 1) / Math.sqrt(variance!.values[c] + options.eps);
    shift[c] = (bias ? bias.values[c] : 0) - mean!.values[c] * scale[c];
  }
  return { scale, shift };
}

export function computed(layer: Prepared, inputs: Values[], inputShapes: Shape[]): Values {
  const compute = LAYERS[layer.kind] as Compute<Prepared>;
  return compute(layer, inputs, inputShapes);
}

type Bend = (x: number) => number;
type Pointwise = "relu" | "leaky relu" | "sigmoid" | "tanh" | "clamp";

const POINTWISE: { [K in Pointwise]: (options: OptionsOf[K]) => Bend } = {
  relu: () => (x) => (x > 0 ? x : 0),
  "leaky relu":
    ({ slope }) =>
    (x) =>
      x > 0 ? x : slope * x,
  sigmoid: () => (x) => 1 / (1 + Math.exp(-x)),
  tanh: () => Math.tanh,
  clamp:
    ({ low, high }) =>
    (x) =>
      Math.min(high ?? Infinity, Math.max(low ?? -Infinity, x)),
};

// The function that a layer applies to each of its values, if it is of this kind.
export function bendOf({ kind, options }: Step): Bend | null {
  const make = POINTWISE[kind as Pointwise] as ((options: Step["options"]) => Bend) | undefined;
  return make?.(options) ?? null;
}

const bent: Compute<StepOf<Pointwise>> = (layer, [input]) => input.map(bendOf(layer as Step)!);

type Compute<L> = (layer: L, inputs: Values[], inputShapes: Shape[]) => Values;

const LAYERS: { [K in Kind]: Compute<PreparedOf<K>> } = {
  input: (_, [input]) => input,
  convolution: (layer, [input], [shape]) => convolve(input, shape, layer),
  "transposed convolution": (layer, [input], [shape]) => convolveTransposed(input, shape, layer),
  linear,
  normalization: (layer, [input]) => affine(input, layer),
  affine: (layer, [input]) => affine(input, layer),
  maximum: (layer, [input], [shape]) => pooled(input, shape, layer, largest),
  average: (layer, [input], [shape]) => pooled(input, shape, layer, mean),
  repetition: (layer, [input], [shape]) => repeated(input, shape, layer),
  channels: (layer, [input], [shape]) => gathered(layer.shape, (_c, y, x) => at(shape, 0, y, x), input),
  padding: (layer, [input], [shape]) => {
    const { top, left, mode, value } = layer.options;
    const inside = REFLECTIONS[mode];
    return gathered(
      layer.shape,
      (c, y, x) => {
        const [row, column] = [inside(y - top, shape[1]), inside(x - left, shape[2])];
        return row < 0 || column < 0 ? -1 : at(shape, c, row, column);
      },
      input,
      value,
    );
  },
  crop: (layer, [input], [shape]) => {
    if (shape.length === 1)
      return input.slice(layer.options.start[0], layer.options.start[0] + layer.shape[0]);
    const [channel, top, left] = layer.options.start;
    return gathered(layer.shape, (c, y, x) => at(shape, c + channel, y + top, x + left), input);
  },
  concatenation: (layer, inputs) => {
    const output = new Float32Array(lengthOf(layer.shape));
    let start = 0;
    for (const input of inputs) {
      output.set(input, start);
      start += input.length;
    }
    return output;
  },
  sum: (_, [one, other]) => one.map((value, i) => value + other[i]),
  difference: (_, [one, other]) => one.map((value, i) => value - other[i]),
  product: (_, [one, other]) => one.map((value, i) => value * other[i]),
  reshape: (_, [input]) => input,
  "pixel unshuffle": (layer, [input], [shape]) => {
    const { factor } = layer.options;
    return gathered(
      layer.shape,
      (c, y, x) => {
        const [channel, place] = [Math.floor(c / factor ** 2), c % factor ** 2];
        return at(shape, channel, y * factor + Math.floor(place / factor), x * factor + (place % factor));
      },
      input,
    );
  },
  "pixel shuffle": (layer, [input], [shape]) => {
    const { factor } = layer.options;
    return gathered(
      layer.shape,
      (c, y, x) => {
        const place = (y % factor) * factor + (x % factor);
        return at(shape, c * factor ** 2 + place, Math.floor(y / factor), Math.floor(x / factor));
      },
      input,
    );
  },
  // The one that most networks are full of.
  relu: (_, [input]) => {
    const output = new Float32Array(input.length);
    for (let i = 0; i < input.length; i++) if (input[i] > 0) output[i] = input[i];
    return output;
  },
  "leaky relu": bent,
  sigmoid: bent,
  tanh: bent,
  clamp: bent,
};

const at = ([, height, width]: Shape, c: number, y: number, x: number) => (c * height + y) * width + x;

// For a place beside an image, the place within whose value stands there; -1 for a constant.
const REFLECTIONS: Record<string, (i: number, length: number) => number> = {
  constant: (i, length) => (i < 0 || i >= length ? -1 : i),
  replicate: (i, length) => Math.min(length - 1, Math.max(0, i)),
  reflect: (i, length) => (i < 0 ? -i : i >= length ? 2 * length - 2 - i : i),
};

// Maps whose values are found elsewhere; `beside` stands where there is none.
function gathered(
  [channels, height, width]: Shape,
  place: (c: number, y: number, x: number) => number,
  input: Values,
  beside = 0,
): Values {
  const output = new Float32Array(channels * height * width);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const from = place(c, y, x);
        output[i] = from < 0 ? beside : input[from];
      }
    }
  }
  return output;
}

function repeated(
  input: Values,
  [channels, height, width]: Shape,
  { options }: StepOf<"repetition">,
): Values {
  const [down, across] = options.factor;
  const output = new Float32Array(channels * height * down * width * across);
  for (let row = 0, to = 0; row < channels * height; row++) {
    const start = to;
    for (let x = row * width; x < (row + 1) * width; x++) {
      for (let k = 0; k < across; k++) output[to++] = input[x];
    }
    for (let k = 1; k < down; k++, to += width * across) output.copyWithin(to, start, start + width * across);
  }
  return output;
}

function linear({ shape, weight, bias }: PreparedOf<"linear">, [input]: Values[]): Values {
  const output = new Float32Array(shape[0]);
  for (let o = 0; o < shape[0]; o++) {
    let sum = bias ? bias[o] : 0;
    const start = o * input.length;
    for (let i = 0; i < input.length; i++) sum += weight[start + i] * input[i];
    output[o] = sum;
  }
  return output;
}

function affine(input: Values, { shape, scale, shift }: { shape: Shape } & FactorAndSummand): Values {
  const output = new Float32Array(input.length);
  const size = input.length / shape[0];
  for (let c = 0, i = 0; c < shape[0]; c++) {
    for (const end = i + size; i < end; i++) output[i] = scale[c] * input[i] + shift[c];
  }
  return output;
}

interface Joining {
  start: number;
  join: (a: number, b: number) => number;
  finish: (total: number, n: number) => number;
}
const largest: Joining = { start: -Infinity, join: (a, b) => (a > b ? a : b), finish: (total) => total };
const mean: Joining = { start: 0, join: (a, b) => a + b, finish: (total, n) => total / n };

function pooled(
  input: Values,
  shape: Shape,
  layer: StepOf<"maximum" | "average">,
  { start, join, finish }: Joining,
): Values {
  const [channels, height, width] = layer.shape;
  const output = new Float32Array(channels * height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const { top, bottom, left, right } = windowOf(layer, shape, y, x);
      for (let c = 0; c < channels; c++) {
        let total = start;
        for (let row = top; row < bottom; row++) {
          for (let i = at(shape, c, row, left), end = i + right - left; i < end; i++)
            total = join(total, input[i]);
        }
        output[(c * height + y) * width + x] = finish(total, (bottom - top) * (right - left));
      }
    }
  }
  return output;
}

// The part of an input that a pooling reads for one place, cut off at the border.
export function windowOf(
  { options }: StepOf<"maximum" | "average">,
  [, height, width]: Shape,
  y: number,
  x: number,
) {
  const { size, stride, padding } = options;
  const [top, left] = [y * stride[0] - padding[0], x * stride[1] - padding[1]];
  return {
    top: Math.max(0, top),
    left: Math.max(0, left),
    bottom: Math.min(height, top + size[0]),
    right: Math.min(width, left + size[1]),
  };
}
