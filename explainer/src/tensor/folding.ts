// Batch normalisation folded into the convolution before it, for results alone: a pass less over the
// maps, and maps less to hand over.

import type { Layer, LayerWeights, Weight } from "../types";
import { normalizing } from "./layers";

export interface Weighted {
  layer: Layer;
  weights: LayerWeights;
}

// The same network: in the place of a normalisation stands the convolution before it with other
// weights, and nothing in the place of that. The layer `code` stays as it is.
export function folded(all: Weighted[], code: number | null): (Weighted | null)[] {
  const result: (Weighted | null)[] = [...all];
  for (let i = 1; i < all.length; i++) {
    const [before, { layer, weights }] = [all[i - 1], all[i]];
    if (before.layer.kind !== "convolution" || layer.kind !== "normalization") continue;
    const nReaders = all.filter(({ layer: { inputs } }) => inputs.includes(i - 1)).length;
    if (layer.inputs[0] !== i - 1 || nReaders > 1 || code === i - 1) continue;
    result[i - 1] = null;
    const { scale, shift } = normalizing(layer, weights);
    result[i] = { layer: before.layer, weights: scaled(before.weights, scale, shift) };
  }
  return result;
}

function scaled({ weight, bias }: LayerWeights, scale: Float64Array, shift: Float64Array): LayerWeights {
  const { values, shape } = weight as Weight;
  const size = values.length / shape[0];
  return {
    weight: { values: values.map((value, i) => value * scale[Math.floor(i / size)]), shape },
    bias: {
      values: Float32Array.from(shift, (by, c) => by + scale[c] * (bias?.values[c] ?? 0)),
      shape: [shape[0]],
    },
  };
}
