// Convolutions: of the time that a network takes, nearly all is spent here.

import type { Pair, Shape, StepOf, Values } from "../types";
import { createKernel } from "./simd";

type Numbers = Float32Array | Float64Array;

// Height and width of the output, and the steps from row to row and from place to place in the image.
export interface Places {
  height: number;
  width: number;
  rowStep: number;
  columnStep: number;
}

// What the inner loop reads and writes, and the loop itself, for a group that starts in the image at
// `start`.
export interface Room {
  image: Numbers;
  offsets: Int32Array;
  weights: Numbers;
  sums: Numbers;
  run: (start: number, places: Places) => void;
}
// Room for so many numbers.
export type Reserve = (nImage: number, nTaps: number, nSums: number) => Room;

// What a convolution needs again for each image.
export interface Packed {
  packed: Values;
  weightShape: Shape;
  bias?: Values;
}
export interface Unpacked {
  weight: Values;
  weightShape: Shape;
  bias?: Values;
}

type Convolution = Omit<StepOf<"convolution">, "kind"> & Packed;
type Transposed = Omit<StepOf<"transposed convolution">, "kind"> & Unpacked;

// Places that are computed at once; beyond the last column as many are computed and overwritten.
const AT_ONCE = 4;

// Put values (C, H, W) into an image with zeros around them.
function pad(
  image: Numbers,
  values: Values,
  [channels, height, width]: Shape,
  [top, left]: Pair,
  paddedHeight: number,
  paddedWidth: number,
) {
  image.fill(0);
  const rows = Math.min(height, paddedHeight - top);
  const columns = Math.min(width, paddedWidth - left);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      const from = (c * height + y) * width;
      const to = (c * paddedHeight + y + top) * paddedWidth + left;
      for (let x = 0; x < columns; x++) image[to + x] = values[from + x];
    }
  }
}

// Weights (O, I, h, w) in blocks of four outputs: the four of one input and tap lie side by side.
export function packedWeights(weight: Values, [outputs, ...taps]: Shape): Values {
  const length = taps.reduce((a, b) => a * b, 1);
  const blocks = Math.ceil(outputs / 4);
  const packed = new Float32Array(blocks * length * 4);
  for (let o = 0; o < outputs; o++) {
    const start = (o >> 2) * length * 4 + (o & 3);
    for (let i = 0; i < length; i++) packed[start + 4 * i] = weight[o * length + i];
  }
  return packed;
}

// A convolution (I, H, W) -> (O, h, w), of any stride, dilation and number of groups.
export function convolve(
  input: Values,
  inputShape: Shape,
  layer: Convolution,
  reserve: Reserve = RESERVE,
): Values {
  const { shape, options, weightShape, packed, bias } = layer;
  const [outputs, height, width] = shape;
  const [, inputs, kernelHeight, kernelWidth] = weightShape;
  const [strideY, strideX] = options.stride;
  const [dilationY, dilationX] = options.dilation;
  const paddedHeight = (height - 1) * strideY + (kernelHeight - 1) * dilationY + 1;
  const paddedWidth = (width - 1 + AT_ONCE - 1) * strideX + (kernelWidth - 1) * dilationX + 1;
  const plane = paddedHeight * paddedWidth;
  const size = height * width;
  const taps = inputs * kernelHeight * kernelWidth;
  const room = reserve(inputShape[0] * plane, taps, 4 * (size + AT_ONCE));
  pad(room.image, input, inputShape, options.padding, paddedHeight, paddedWidth);
  // Where each tap finds its value, relative to that of the first, in bytes.
  for (let i = 0, k = 0; i < inputs; i++) {
    for (let a = 0; a < kernelHeight; a++) {
      for (let b = 0; b < kernelWidth; b++, k++) {
        room.offsets[k] = 4 * (i * plane + a * dilationY * paddedWidth + b * dilationX);
      }
    }
  }
  const places = { height, width, rowStep: strideY * paddedWidth, columnStep: strideX };
  const output = new Float32Array(outputs * size);
  const perGroup = outputs / options.groups;
  for (let o = 0; o < outputs; o += 4) {
    // A block of four outputs may lie in several groups where these are small.
    const end = Math.min(o + 4, outputs);
    room.weights.set(packed.subarray((o >> 2) * taps * 4, ((o >> 2) + 1) * taps * 4));
    for (let group = Math.floor(o / perGroup); group * perGroup < end; group++) {
      room.run(group * inputs * plane, places);
      for (let c = Math.max(o, group * perGroup); c < Math.min(end, (group + 1) * perGroup); c++) {
        unpack(room.sums, c - o, output, c * size, size, bias ? bias[c] : 0);
      }
    }
  }
  return output;
}

function unpack(sums: Numbers, from: number, output: Values, start: number, size: number, shift: number) {
  for (let i = 0; i < size; i++) output[start + i] = sums[4 * i + from] + shift;
}

// The same for browsers without the instructions of simd.js.
export const inJavaScript: Reserve = (nImage, nTaps, nSums) => {
  const image = new Float64Array(nImage);
  const offsets = new Int32Array(nTaps);
  const weights = new Float64Array(4 * nTaps);
  const sums = new Float64Array(nSums);
  const run = (start: number, places: Places) =>
    sumsOfFour(image.subarray(start), offsets, weights, places, sums);
  return { image, offsets, weights, sums, run };
};

const RESERVE = createKernel() ?? inJavaScript;

// The sums of four outputs for all places, the four of one place side by side. Two neighbouring
// places are computed at once, so that each weight is read once for both.
function sumsOfFour(
  image: Float64Array,
  offsets: Int32Array,
  weights: Float64Array,
  { height, width, rowStep, columnStep }: Places,
  sums: Float64Array,
) {
  const taps = offsets.length;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x += 2) {
      const at = y * rowStep + x * columnStep;
      let p0 = 0,
        p1 = 0,
        p2 = 0,
        p3 = 0;
      let q0 = 0,
        q1 = 0,
        q2 = 0,
        q3 = 0;
      for (let k = 0, w = 0; k < taps; k++, w += 4) {
        const place = at + (offsets[k] >> 2);
        const p = image[place],
          q = image[place + columnStep];
        const w0 = weights[w],
          w1 = weights[w + 1],
          w2 = weights[w + 2],
          w3 = weights[w + 3];
        p0 += p * w0;
        p1 += p * w1;
        p2 += p * w2;
        p3 += p * w3;
        q0 += q * w0;
        q1 += q * w1;
        q2 += q * w2;
        q3 += q * w3;
      }
      const to = 4 * (y * width + x);
      sums[to] = p0;
      sums[to + 1] = p1;
      sums[to + 2] = p2;
      sums[to + 3] = p3;
      // In an odd width the second place of the last pair is the first of the next row, which
      // comes later and is written then.
      sums[to + 4] = q0;
      sums[to + 5] = q1;
      sums[to + 6] = q2;
      sums[to + 7] = q3;
    }
  }
}

// A transposed convolution (I, H, W) -> (O, h, w): each value paints its kernel into the output.
export function convolveTransposed(input: Values, [inputs, height, width]: Shape, layer: Transposed): Values {
  const { shape, options, weightShape, weight, bias } = layer;
  const [outputs, outHeight, outWidth] = shape;
  const [, , kernelHeight, kernelWidth] = weightShape;
  const [strideY, strideX] = options.stride;
  const [top, left] = options.padding;
  const sums = new Float64Array(outputs * outHeight * outWidth);
  if (bias)
    for (let o = 0; o < outputs; o++)
      sums.fill(bias[o], o * outHeight * outWidth, (o + 1) * outHeight * outWidth);
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) {
      for (let a = 0; a < kernelHeight; a++) {
        for (let b = 0; b < kernelWidth; b++) {
          const w = weight[((i * outputs + o) * kernelHeight + a) * kernelWidth + b];
          for (let y = 0; y < height; y++) {
            const row = y * strideY + a - top;
            if (row < 0 || row >= outHeight) continue;
            const from = (i * height + y) * width;
            const to = (o * outHeight + row) * outWidth + b - left;
            for (let x = 0; x < width; x++) {
              const column = x * strideX + b - left;
              if (column >= 0 && column < outWidth) sums[to + x * strideX] += w * input[from + x];
            }
          }
        }
      }
    }
  }
  return Float32Array.from(sums);
}
