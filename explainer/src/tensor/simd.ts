// The inner loop of a convolution as WebAssembly, which multiplies four numbers at once: several
// times as fast as JavaScript. The module has one function and is small enough to be written here.

import type { Reserve } from "./convolution";

// Instructions by their names in the specification of WebAssembly.
const [I32, V128, EMPTY] = [0x7f, 0x7b, 0x40];
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const number = (value: number) => [0x41, ...signedLeb(value)];
const load = [0x28, 2, 0];
const [add, subtract, multiply, shiftLeft, isLess] = [[0x6a], [0x6b], [0x6c], [0x74], [0x49]];
const loop = (...body: (number | number[])[]) => [0x03, EMPTY, ...body.flat(), 0x0b];
const again = [0x0d, 0]; // to the begin of the loop, if the last value is not zero
const vectorLoad = [0xfd, 0, 4, 0];
const vectorSplat = [0xfd, 9, 2, 0]; // one number from memory, four times
const vectorStore = (offset: number) => [0xfd, 11, 4, offset];
const vectorZero = [0xfd, 12, ...new Array(16).fill(0)];
const [vectorAdd, vectorMultiply] = [
  [0xfd, 0xe4, 1],
  [0xfd, 0xe6, 1],
];

function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const byte = value & 127;
    value >>= 7;
    if ((value === 0 && !(byte & 64)) || (value === -1 && byte & 64)) return [...bytes, byte];
    bytes.push(byte | 128);
  }
}

// Parameters and local numbers of the function, by their places. Steps are in bytes.
const [IMAGE, OFFSETS, WEIGHTS, SUMS, TAPS, HEIGHT, WIDTH, ROW_STEP, COLUMN_STEP] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8,
];
const N_PARAMETERS = 9;
const [X, K, OFFSET, WEIGHT, AT, PLACE, TO] = [9, 10, 11, 12, 13, 14, 15];
const N_NUMBERS = 7;
const [SUM, VECTOR] = [[16, 17, 18, 19], 20];
const N_VECTORS = 5;

// For each row, for four places at once, for each tap: four outputs for each of the places.
const BODY = loop(
  [...number(0), ...set(X), ...get(IMAGE), ...set(AT), ...get(SUMS), ...set(TO)],
  loop(
    SUM.flatMap((sum) => [...vectorZero, ...set(sum)]),
    [...get(TAPS), ...set(K), ...get(OFFSETS), ...set(OFFSET), ...get(WEIGHTS), ...set(WEIGHT)],
    loop(
      [
        ...get(AT),
        ...get(OFFSET),
        ...load,
        ...add,
        ...set(PLACE),
        ...get(WEIGHT),
        ...vectorLoad,
        ...set(VECTOR),
      ],
      SUM.flatMap((sum) => [
        ...get(PLACE),
        ...vectorSplat,
        ...get(VECTOR),
        ...vectorMultiply,
        ...get(sum),
        ...vectorAdd,
        ...set(sum),
        ...get(PLACE),
        ...get(COLUMN_STEP),
        ...add,
        ...set(PLACE),
      ]),
      [
        ...get(OFFSET),
        ...number(4),
        ...add,
        ...set(OFFSET),
        ...get(WEIGHT),
        ...number(16),
        ...add,
        ...set(WEIGHT),
      ],
      [...get(K), ...number(1), ...subtract, ...tee(K), ...again],
    ),
    SUM.flatMap((sum, i) => [...get(TO), ...get(sum), ...vectorStore(16 * i)]),
    [
      ...get(TO),
      ...number(64),
      ...add,
      ...set(TO),
      ...get(AT),
      ...get(COLUMN_STEP),
      ...number(2),
      ...shiftLeft,
      ...add,
      ...set(AT),
    ],
    [...get(X), ...number(4), ...add, ...tee(X), ...get(WIDTH), ...isLess, ...again],
  ),
  [
    ...get(IMAGE),
    ...get(ROW_STEP),
    ...add,
    ...set(IMAGE),
    ...get(SUMS),
    ...get(WIDTH),
    ...number(16),
    ...multiply,
    ...add,
    ...set(SUMS),
  ],
  [...get(HEIGHT), ...number(1), ...subtract, ...tee(HEIGHT), ...again],
);

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: number[]) => [id, ...unsignedLeb(content.length), ...content];
  const text = (name: string) => [name.length, ...[...name].map((letter) => letter.charCodeAt(0))];
  const code = [2, N_NUMBERS, I32, N_VECTORS, V128, ...BODY, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, [1, 0x60, N_PARAMETERS, ...new Array(N_PARAMETERS).fill(I32), 0]), // the type of the function
    ...section(3, [1, 0]), // one function of this type
    ...section(5, [1, 0, 1]), // a memory of one page
    ...section(7, [2, ...text("memory"), 2, 0, ...text("sums"), 0, 0]), // what is exported
    ...section(10, [1, ...unsignedLeb(code.length), ...code]),
  ]);
}

function unsignedLeb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsignedLeb(value >> 7)];
}

type Sums = (...parameters: number[]) => void;

// The function with its memory, or null where a browser has no such instructions.
export function createKernel(): Reserve | null {
  let exported;
  try {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()));
    exported = instance.exports as unknown as { memory: WebAssembly.Memory; sums: Sums };
  } catch {
    return null;
  }
  const { memory, sums } = exported;
  // Room for an image, offsets, weights and sums, one after the other.
  return (nImage, nTaps, nSums) => {
    const starts = [0];
    for (const [i, n] of [nImage, nTaps, 4 * nTaps, nSums].entries())
      starts.push(16 * Math.ceil((starts[i] + 4 * n) / 16));
    const missing = starts[4] - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    const [image, offsets, weights, ofSums] = starts;
    return {
      image: new Float32Array(memory.buffer, image, nImage),
      offsets: new Int32Array(memory.buffer, offsets, nTaps),
      weights: new Float32Array(memory.buffer, weights, 4 * nTaps),
      sums: new Float32Array(memory.buffer, ofSums, nSums),
      run: (start, { height, width, rowStep, columnStep }) =>
        sums(image + 4 * start, offsets, weights, ofSums, nTaps, height, width, 4 * rowStep, 4 * columnStep),
    };
  };
}
