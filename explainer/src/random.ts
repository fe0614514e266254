// Random numbers of a seed, the same in every browser.

import { randomNormal, randomPoisson } from "./d3";

// The generator "mulberry32" of T. Ettinger: uniform numbers from 0 to 1, without 1.
// Gives the next random number at each call.
export type Draw = () => number;

export function uniformsOf(seed: number): Draw {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const normalsOf = (uniform: Draw): Draw => randomNormal.source(uniform)();

// Counts of a Poisson distribution of any mean.
export function poissonOf(uniform: Draw): (mean: number) => number {
  const poisson = randomPoisson.source(uniform);
  return (mean) => poisson(mean)();
}
