// The network in a thread of its own, so that the page stays at hand while it computes.

import { Network } from "./tensor/network.js";
import { halves } from "./tensor/halves.js";

let graph;
let states = [];
let networks = [];

self.onmessage = ({ data }) => {
  if (data.graph) {
    graph = data.graph;
    states = data.states;
    networks = [];
    return;
  }
  const network = networkOf(data.state);
  const began = performance.now();
  const values = data.onlyOutput
    ? [network.output(data.given, data.start)]
    : network.values(data.given, data.start);
  // Arrays are handed over, not copied; a reshaped layer shares that of the one before it.
  const buffers = new Set(values.filter(Boolean).map(({ buffer }) => buffer));
  self.postMessage({ id: data.id, values, milliseconds: performance.now() - began }, [...buffers]);
};

// The network with the weights of one epoch; those of earlier epochs come in half precision.
function networkOf(index) {
  if (!networks[index]) {
    const state = states[index];
    networks[index] = new Network(graph, state instanceof Uint16Array ? halves(state) : state);
  }
  return networks[index];
}
