// Numbers and shapes as people read them.

import { format } from "./d3";
import type { Shape } from "./types";

export const count = format(",");

const withDigits = (number: number, digits: number) => format(`.${digits}f`)(number);

// Three digits at most, and a proper minus.
export function short(number: number): string {
  if (!Number.isFinite(number)) return number > 0 ? "∞" : number < 0 ? "−∞" : "–";
  const size = Math.abs(number);
  return withDigits(number, size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.01 ? 2 : 3);
}

export function signed(number: number): string {
  const text = short(number);
  return text.startsWith("−") ? text : `+${text}`;
}

export const decibels = (number: number) => (number >= 100 ? "∞ dB" : `${withDigits(number, 1)} dB`);

export const percent = (share: number) => `${withDigits(100 * share, share < 0.1 ? 1 : 0)} %`;

// "32 maps of 16 × 16" or "16 values".
export function sizeOf(shape: Shape): string {
  if (shape.length === 1) return `${count(shape[0])} values`;
  const [channels, height, width] = shape;
  return `${count(channels)} ${channels === 1 ? "map" : "maps"} of ${height}\u00a0×\u00a0${width}`;
}

export const plural = (number: number, word: string) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;
