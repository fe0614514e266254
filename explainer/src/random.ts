// Random numbers of a seed, the same in every browser.

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

// Normal numbers by the method of Box and Muller.
export function normalsOf(uniform: Draw): Draw {
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

// Counts of a Poisson distribution: by products of uniform numbers for small means (Knuth), and by
// the rounded normal distribution above, where the two can hardly be told apart.
export function poissonOf(uniform: Draw): (mean: number) => number {
  const normal = normalsOf(uniform);
  return (mean) => {
    if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    const limit = Math.exp(-mean);
    let [events, product] = [0, uniform()];
    while (product > limit) {
      events++;
      product *= uniform();
    }
    return events;
  };
}
