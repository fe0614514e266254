// Runs the network in a worker, or in the page itself where a browser allows no workers.

import { createRunner } from "./tensor/network";
import type { Computed, Engine, Graph, State } from "./types";
import type { NumberedJob, Start } from "./worker";

// `states` are the weights: those of the trained network, then those of epochs.
export function createEngine(graph: Graph, states: State[]): Engine {
  const worker = startedWorker();
  if (!worker) {
    const run = createRunner(graph, states);
    return { run: async (job) => run(job) };
  }
  const waiting = new Map<number, (computed: Computed) => void>();
  let next = 0;
  worker.onmessage = ({ data }: MessageEvent<Computed & { id: number }>) => {
    waiting.get(data.id)!(data);
    waiting.delete(data.id);
  };
  worker.postMessage({ graph, states } satisfies Start);
  return {
    run: (job) =>
      new Promise((resolve) => {
        waiting.set(next, resolve);
        worker.postMessage({ id: next++, ...job } satisfies NumberedJob);
      }),
  };
}

function startedWorker(): Worker | null {
  try {
    const source = document.getElementById("worker")!.textContent;
    return new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  } catch {
    return null;
  }
}
