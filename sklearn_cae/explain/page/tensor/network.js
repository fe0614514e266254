// A trained network: its layers one after the other, from an image or from a code.

import { computed, prepared } from "./layers.js";

// The weights of each layer, by their role, as views of one array that holds all of them.
export function weightsByLayer(layers, all) {
  return layers.map(({ weights }) =>
    Object.fromEntries(
      Object.entries(weights).map(([role, { start, shape }]) => {
        const length = shape.reduce((product, side) => product * side, 1);
        return [role, { values: all.subarray(start, start + length), shape }];
      }),
    ),
  );
}

export class Network {
  constructor({ layers, code }, weights) {
    const byLayer = weightsByLayer(layers, weights);
    this.layers = layers.map((layer, i) => prepared(layer, byLayer[i]));
    this.code = code;
  }

  // Values of all layers for an image; those before the code are missing if `start` is the code.
  values(given, start = 0) {
    const results = [];
    results[start] = given;
    for (let i = start + 1; i < this.layers.length; i++) {
      const layer = this.layers[i];
      const shapes = layer.inputs.map((j) => this.layers[j].shape);
      results[i] = computed(
        layer,
        layer.inputs.map((j) => results[j]),
        shapes,
      );
    }
    return results;
  }

  output(given, start = 0) {
    return this.values(given, start).at(-1);
  }
}
