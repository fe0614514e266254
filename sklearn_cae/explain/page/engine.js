// Runs the network in a worker, or in the page itself where a browser allows no workers.

import { Network } from "./tensor/network.js";
import { halves } from "./tensor/halves.js";

// `states` are the weights: those of the trained network, then those of epochs.
export function createEngine(graph, states) {
  const worker = startedWorker();
  if (!worker) return inThePage(graph, states);
  const waiting = new Map();
  let next = 0;
  worker.onmessage = ({ data }) => {
    waiting.get(data.id)(data);
    waiting.delete(data.id);
  };
  worker.postMessage({ graph, states });
  return {
    run: (job) =>
      new Promise((resolve) => {
        waiting.set(next, resolve);
        worker.postMessage({ id: next++, start: 0, state: 0, ...job });
      }),
  };
}

function startedWorker() {
  try {
    const source = document.getElementById("worker").textContent;
    return new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  } catch {
    return null;
  }
}

function inThePage(graph, states) {
  const networks = [];
  const networkOf = (i) =>
    (networks[i] ??= new Network(graph, states[i] instanceof Uint16Array ? halves(states[i]) : states[i]));
  return {
    run: async ({ given, start = 0, state = 0, onlyOutput = false }) => {
      const began = performance.now();
      const values = networkOf(state).values(given, start);
      return { values: onlyOutput ? [values.at(-1)] : values, milliseconds: performance.now() - began };
    },
  };
}
