// Values for tests, and how they are compared.

import { expect } from "vitest";
import { uniformsOf } from "../src/random";
import type { Values } from "../src/types";

export const floats = (...values: number[]): Values => Float32Array.from(values);

export function random(length: number, seed: number): Values {
  const uniform = uniformsOf(seed);
  return Float32Array.from({ length }, () => uniform() - 0.5);
}

// Sums of float32 in another order round otherwise, by less than this for values of this size.
export function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5) {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++)
    expect(Math.abs(found[i] - expected[i]), `${i}: ${found[i]} is not ${expected[i]}`).toBeLessThan(
      tolerance,
    );
}
