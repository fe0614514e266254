// Pixels on canvases.

import { PALETTES, UNIT_SCALE, type Scale } from "./colour";
import type { Shape, Values } from "./types";

// One map of some maps (C, H, W) as an image of H x W pixels.
export function mapPixels(
  values: Values,
  [, height, width]: Shape,
  channel: number,
  scale: Scale,
): ImageData {
  const pixels = new ImageData(width, height);
  paint(pixels.data, values, channel * height * width, height * width, scale);
  return pixels;
}

function paint(
  bytes: Uint8ClampedArray,
  values: Values,
  start: number,
  length: number,
  { palette, low, high }: Scale,
) {
  const colours = PALETTES[palette];
  const factor = 255 / (high - low || 1);
  for (let i = 0; i < length; i++) {
    const level = Math.max(0, Math.min(255, Math.round((values[start + i] - low) * factor)));
    bytes[4 * i] = colours[3 * level];
    bytes[4 * i + 1] = colours[3 * level + 1];
    bytes[4 * i + 2] = colours[3 * level + 2];
    bytes[4 * i + 3] = 255;
  }
}

// An image (C, H, W) in units of black and white: gray, or the first three channels as colours.
export function imagePixels(values: Values, shape: Shape): ImageData {
  const [channels, height, width] = shape;
  if (channels < 3) return mapPixels(values, shape, 0, UNIT_SCALE);
  const pixels = new ImageData(width, height);
  const size = height * width;
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) {
      pixels.data[4 * i + c] = Math.round(255 * Math.max(0, Math.min(1, values[c * size + i])));
    }
    pixels.data[4 * i + 3] = 255;
  }
  return pixels;
}

// The canvas of a picture whose pixels are shown as squares; CSS gives its size.
export function showPixels(canvas: HTMLCanvasElement, pixels: ImageData) {
  resize(canvas, pixels.width, pixels.height);
  canvas.getContext("2d")!.putImageData(pixels, 0, 0);
}

export const showImage = (canvas: HTMLCanvasElement, values: Values, shape: Shape) =>
  showPixels(canvas, imagePixels(values, shape));

export const showMap = (
  canvas: HTMLCanvasElement,
  values: Values,
  shape: Shape,
  channel: number,
  scale: Scale,
) => showPixels(canvas, mapPixels(values, shape, channel, scale));

// What differs from the clean image: the mean over the channels, in both directions.
export function errorMap(values: Values, clean: Values, [channels, height, width]: Shape): Values {
  const size = height * width;
  const errors = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < channels; c++) errors[i] += (values[c * size + i] - clean[c * size + i]) / channels;
  }
  return errors;
}

// Where a map lies on its canvas, in CSS pixels.
export interface MapPlace {
  channel: number;
  left: number;
  top: number;
  width: number;
  height: number;
}

// Some maps in a grid, each `side` tall, on a canvas as fine as the screen. Gives where each lies.
export function showGrid(
  canvas: HTMLCanvasElement,
  values: Values,
  shape: Shape,
  order: number[],
  { columns, height: side, gap, scale }: { columns: number; height: number; gap: number; scale: Scale },
): MapPlace[] {
  const [, height, width] = shape;
  const across = (side * width) / height;
  const rows = Math.ceil(order.length / columns);
  const density = window.devicePixelRatio || 1;
  const [fullWidth, fullHeight] = [columns * (across + gap) - gap, rows * (side + gap) - gap];
  resize(canvas, Math.max(1, Math.round(fullWidth * density)), Math.max(1, Math.round(fullHeight * density)));
  canvas.style.width = `${fullWidth}px`;
  canvas.style.height = `${fullHeight}px`;
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  // All maps below each other, pixel by pixel; from there each is drawn to its place.
  resize(SHEET, width, order.length * height);
  const pixels = new ImageData(width, order.length * height);
  order.forEach((channel, i) => {
    const part = pixels.data.subarray(4 * i * height * width);
    paint(part, values, channel * height * width, height * width, scale);
  });
  SHEET.getContext("2d")!.putImageData(pixels, 0, 0);
  return order.map((channel, i) => {
    const [left, top] = [(i % columns) * (across + gap), Math.floor(i / columns) * (side + gap)];
    context.drawImage(
      SHEET,
      0,
      i * height,
      width,
      height,
      left * density,
      top * density,
      across * density,
      side * density,
    );
    return { channel, left, top, width: across, height: side };
  });
}

const SHEET = document.createElement("canvas");

function resize(canvas: HTMLCanvasElement, width: number, height: number) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
