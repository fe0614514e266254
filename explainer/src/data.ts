// What Python wrote into the page, with its arrays unpacked.

import { lengthOf } from "./tensor/layers";
import type { Data, Values, Written } from "./types";

export function unpacked(text: string): Data {
  const data = JSON.parse(text) as Written;
  const { images, copies, codes } = data;
  const floats = (base64: string) => new Float32Array(bytesOf(base64));
  const halved = (base64: string) => new Uint16Array(bytesOf(base64));
  const last = (data.halved ? halved : floats)(data.weights);
  const size = lengthOf(images.shape);
  const all = floats(images.values);
  return {
    ...data,
    size,
    states: [last, ...data.epochs.map(({ weights }) => halved(weights))],
    images: {
      ...images,
      list: Array.from({ length: images.n }, (_, i) => all.subarray(i * size, (i + 1) * size)),
    },
    copies: { n: copies.n, list: copiesOf(new Uint8Array(bytesOf(copies.values)), copies.n, size) },
    codes: codes && {
      ...codes,
      mean: floats(codes.mean),
      axes: floats(codes.axes),
      places: floats(codes.places),
    },
  };
}

function bytesOf(base64: string): ArrayBuffer {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}

function copiesOf(bytes: Uint8Array, n: number, size: number): Values[] {
  return Array.from({ length: n }, (_, i) =>
    Float32Array.from(bytes.subarray(i * size, (i + 1) * size), (b) => b / 255),
  );
}
