// The network in a thread of its own, so that the page stays at hand while it computes.

import { createRunner, type Run } from "./tensor/network";
import type { Graph, Job, State } from "./types";

// The first message is a network, all others are jobs.
export type Start = { graph: Graph; states: State[] };
export type NumberedJob = Job & { id: number };

let run: Run;

self.onmessage = ({ data }: MessageEvent<Start | NumberedJob>) => {
  if ("graph" in data) {
    run = createRunner(data.graph, data.states);
    return;
  }
  const computed = run(data);
  // Arrays are handed over, not copied; a reshaped layer shares that of the one before it.
  const buffers = new Set(computed.values.filter(Boolean).map(({ buffer }) => buffer));
  self.postMessage({ id: data.id, ...computed }, { transfer: [...buffers] });
};
