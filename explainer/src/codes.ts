// Codes as points along their principal axes.

import type { Codes, Values } from "./types";

// Places of a code along the axes, in standard deviations.
type Axes = Pick<Codes, "mean" | "axes" | "deviations" | "nAxes">;

export function placesOf(code: Values, { mean, axes, deviations, nAxes }: Axes): number[] {
  return Array.from({ length: nAxes }, (_, a) => {
    let sum = 0;
    const start = a * code.length;
    for (let i = 0; i < code.length; i++) sum += (code[i] - mean[i]) * axes[start + i];
    return sum / deviations[a];
  });
}

// A code moved along the axes, from where it lies to other places.
export function movedTo(
  code: Values,
  from: number[],
  to: number[],
  { axes, deviations, nAxes }: Omit<Axes, "mean">,
): Values {
  const moved = Float32Array.from(code);
  for (let a = 0; a < nAxes; a++) {
    const by = (to[a] - from[a]) * deviations[a];
    if (by === 0) continue;
    const start = a * code.length;
    for (let i = 0; i < code.length; i++) moved[i] += by * axes[start + i];
  }
  return moved;
}

// A code part of the way from one to another.
export const between = (one: Values, other: Values, share: number): Values =>
  one.map((value, i) => value + share * (other[i] - value));

// The share of scores that are smaller than a score.
export const shareBelow = (scores: number[], score: number): number =>
  scores.filter((other) => other < score).length / scores.length;
