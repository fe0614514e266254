// A trained network: its layers one after the other, from an image or from a code.

import type { Computed, Graph, Job, Layer, LayerWeights, State, Values } from "../types";
import { halves } from "./halves";
import { computed, lengthOf, prepared, type Prepared } from "./layers";

// The weights of each layer, by their role, as views of one array that holds all of them.
export function weightsByLayer(layers: Layer[], state: State): LayerWeights[] {
  const all = state instanceof Uint16Array ? halves(state) : state;
  return layers.map(({ weights }) =>
    Object.fromEntries(
      Object.entries(weights).map(([role, { start, shape }]) => [
        role,
        { values: all.subarray(start, start + lengthOf(shape)), shape },
      ]),
    ),
  );
}

class Network {
  private readonly layers: Layer[];
  private readonly prepared: Prepared[];

  constructor({ layers }: Graph, state: State) {
    const weights = weightsByLayer(layers, state);
    this.layers = layers;
    this.prepared = layers.map((layer, i) => prepared(layer, weights[i]));
  }

  // Values of all layers for an image; those before the code are missing if `start` is the code.
  values(given: Values, start = 0): Values[] {
    const results: Values[] = [];
    results[start] = given;
    for (let i = start + 1; i < this.layers.length; i++) {
      const { inputs } = this.layers[i];
      results[i] = computed(
        this.prepared[i],
        inputs.map((j) => results[j]),
        inputs.map((j) => this.layers[j].shape),
      );
    }
    return results;
  }
}

export type Run = (job: Job) => Computed;

// Computes with the network of each state, which is made when it is first asked for.
export function createRunner(graph: Graph, states: State[]): Run {
  const networks: Network[] = [];
  return ({ given, start = 0, state = 0, onlyOutput = false }) => {
    const network = (networks[state] ??= new Network(graph, states[state]));
    const began = performance.now();
    const values = network.values(given, start);
    return { values: onlyOutput ? values.slice(-1) : values, milliseconds: performance.now() - began };
  };
}
