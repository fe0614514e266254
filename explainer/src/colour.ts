// Scales of colour that the colour-blind can read: from dark to light for sizes, and from blue over
// white to orange for values of both signs.

import { interpolateRgb, piecewise, quantize } from "./d3";
import type { Values } from "./types";

const SIZES = [
  "#440154",
  "#472d7b",
  "#3b528b",
  "#2c728e",
  "#21918c",
  "#28ae80",
  "#5ec962",
  "#addc30",
  "#fde725",
];
const SIGNS = [
  "#053061",
  "#2166ac",
  "#4393c3",
  "#92c5de",
  "#f7f7f7",
  "#fdb863",
  "#e08214",
  "#b35806",
  "#7f3b08",
];
const GRAYS = ["#000000", "#ffffff"];

// 256 colours between those given, as bytes of red, green and blue.
function table(colours: string[]): Uint8Array {
  const between = quantize(piecewise(interpolateRgb, colours), 256);
  return Uint8Array.from(
    between.flatMap((text) => text.match(/\d+/g)!),
    Number,
  );
}

// From which value to which a palette of colours reaches.
export interface Scale {
  palette: keyof typeof PALETTES;
  low: number;
  high: number;
}

export const PALETTES = { sizes: table(SIZES), signs: table(SIGNS), grays: table(GRAYS) };

const SAMPLE = 2000;

// What colours some values show: sizes from zero if none is negative, else both signs alike. The
// largest one in two hundred does not count, so that one value does not darken all others.
export function scaleOf(values: Values): Scale {
  let low = Infinity;
  for (let i = 0; i < values.length; i++) if (values[i] < low) low = values[i];
  // Of many values some stand for all; an odd distance falls on all rows and columns.
  const step = 2 * Math.floor(values.length / SAMPLE / 2) + 1;
  const sizes = new Float32Array(Math.ceil(values.length / step));
  for (let i = 0; i < sizes.length; i++) sizes[i] = Math.abs(values[i * step]);
  sizes.sort();
  const high = sizes[Math.floor(0.995 * (sizes.length - 1))] || sizes[sizes.length - 1] || 1;
  return low >= 0 ? { palette: "sizes", low: 0, high } : { palette: "signs", low: -high, high };
}

export const UNIT_SCALE: Scale = { palette: "grays", low: 0, high: 1 };

// A value as text of CSS, and whether dark text is read on it.
export function colourOf(value: number, { palette, low, high }: Scale) {
  const bytes = PALETTES[palette];
  const i = 3 * Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low))));
  const [r, g, b] = [bytes[i], bytes[i + 1], bytes[i + 2]];
  return { colour: `rgb(${r}, ${g}, ${b})`, isLight: 0.299 * r + 0.587 * g + 0.114 * b > 140 };
}

// Colours of the categories of labels: M. A. Petroff, "Accessible color sequences for data
// visualization", 2021.
export const CATEGORIES = [
  "#3f90da",
  "#ffa90e",
  "#bd1f01",
  "#94a4a2",
  "#832db6",
  "#a96b59",
  "#e76300",
  "#b9ac70",
  "#717581",
  "#92dadd",
];
