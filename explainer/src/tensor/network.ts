// A trained network: its layers one after the other, from an image or from a code.

import type { Computed, Graph, Job, Layer, LayerWeights, Shape, State, Values } from "../types";
import { folded } from "./folding";
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

// A layer ready to be computed, with what it reads.
interface Ready {
  step: Prepared;
  inputs: number[];
  inputShapes: Shape[];
}

class Network {
  private readonly ready: (Ready | null)[];

  constructor(graph: Graph, state: State, isFolded: boolean) {
    const { layers } = graph;
    const weights = weightsByLayer(layers, state);
    const all = layers.map((layer, i) => ({ layer, weights: weights[i] }));
    this.ready = (isFolded ? folded(all, graph.code) : all).map((one) => {
      if (!one) return null;
      const { inputs } = one.layer;
      return {
        step: prepared(one.layer, one.weights),
        inputs,
        inputShapes: inputs.map((i) => layers[i].shape),
      };
    });
  }

  // Values of all layers for an image; those before the code are missing if `start` is the code, and
  // those of convolutions that do the work of a normalisation too.
  values(given: Values, start: number): Values[] {
    const results: Values[] = [];
    results[start] = given;
    for (let i = start + 1; i < this.ready.length; i++) {
      const ready = this.ready[i];
      if (!ready) continue;
      const inputs = ready.inputs.map((j) => results[j]);
      results[i] = computed(ready.step, inputs, ready.inputShapes);
    }
    return results;
  }
}

export type Run = (job: Job) => Computed;

// Computes with the network of each state, with normalisation folded or not; each is made when it is
// first asked for.
export function createRunner(graph: Graph, states: State[]): Run {
  const networks: Record<"single" | "folded", Network[]> = { single: [], folded: [] };
  return ({ given, start = 0, state = 0, onlyOutput = false, isFolded = onlyOutput }) => {
    const made = networks[isFolded ? "folded" : "single"];
    const network = (made[state] ??= new Network(graph, states[state], isFolded));
    const began = performance.now();
    const values = network.values(given, start);
    return { values: onlyOutput ? values.slice(-1) : values, milliseconds: performance.now() - began };
  };
}
