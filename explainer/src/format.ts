// Numbers and shapes as people read them.

import type { Shape } from "./types";

const grouped = new Intl.NumberFormat("en-GB");

export const count = (number: number) => grouped.format(number);

// Three digits at most, and a proper minus.
export function short(number: number): string {
  if (!Number.isFinite(number)) return number > 0 ? "∞" : number < 0 ? "−∞" : "–";
  const size = Math.abs(number);
  const text =
    size === 0
      ? "0"
      : size >= 100
        ? size.toFixed(0)
        : size >= 10
          ? size.toFixed(1)
          : size >= 0.01
            ? size.toFixed(2)
            : size < 0.0005
              ? "0.000"
              : size.toFixed(3);
  return (number < 0 && Number(text) !== 0 ? "−" : "") + text;
}

export function signed(number: number): string {
  const text = short(number);
  return text.startsWith("−") ? text : `+${text}`;
}

export const decibels = (number: number) =>
  number >= 100 ? "∞ dB" : `${number < 0 ? "−" : ""}${Math.abs(number).toFixed(1)} dB`;

export const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

// "32 maps of 16 × 16" or "16 values".
export function sizeOf(shape: Shape): string {
  if (shape.length === 1) return `${count(shape[0])} values`;
  const [channels, height, width] = shape;
  return `${count(channels)} ${channels === 1 ? "map" : "maps"} of ${height}\u00a0×\u00a0${width}`;
}

export const plural = (number: number, word: string) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;
