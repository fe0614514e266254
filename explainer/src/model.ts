// What is shown now, and all that follows from it. Views listen; whoever changes something calls
// `change`, and the network computes as soon as it can, always with the newest state.

import { foundHidden } from "./hiding";
import { corrupted, initialNoise, psnr } from "./noise";
import { sum } from "./tensor/apart";
import { weightsByLayer } from "./tensor/network";
import type { Choice, Core, Data, Engine, LayerWeights, Model, Values } from "./types";

export function createModel(data: Data, engine: Engine): Model {
  const listeners: ((model: Model) => void)[] = [];
  const shape = data.images.shape;
  const choice: Choice = {
    source: { index: 0, clean: data.images.list[0], label: data.images.labels?.[0] },
    noise: initialNoise(data.noise),
    state: 0,
  };
  const core: Core = {
    data,
    engine,
    shape,
    layers: data.network.layers,
    stages: data.network.stages,
    ...choice,
    shown: choice,
    noisy: new Float32Array(0),
    values: [],
    denoised: new Float32Array(0),
    psnr: { noisy: NaN, denoised: NaN },
    milliseconds: 0,
    hasEveryLayer: false,
    needsEveryLayer: () => false,
    listen: (listener) => listeners.push(listener),
    change,
    finished,
    denoise: denoised,
    seen,
    weights,
  };
  // The views add the rest when they start.
  const model = core as Model;
  const known = new Map<number, LayerWeights[]>();
  let isBusy = false;
  let isStale = false;
  let whenDone: (() => void)[] = [];

  function change(changes: Partial<Choice>) {
    Object.assign(model, changes);
    isStale = true;
    if (!isBusy) compute();
  }

  async function compute() {
    isBusy = true;
    while (isStale) {
      isStale = false;
      const { source, noise, state } = model;
      const noisy = corrupted(source.clean, shape, noise, data.noise, data.unitLimits);
      const isFolded = !model.needsEveryLayer();
      const { values, milliseconds } = await engine.run({ given: seen(noisy), state, isFolded });
      const hasEveryLayer = !values.includes(undefined!);
      // Only what belongs together is shown.
      Object.assign(model, { noisy, values, milliseconds, hasEveryLayer, shown: { source, noise, state } });
      model.denoised = data.network.hides ? await denoised(noisy, state) : outputOf(values.at(-1)!, noisy);
      model.psnr = { noisy: psnr(noisy, source.clean), denoised: psnr(model.denoised, source.clean) };
      for (const listener of listeners) listener(model);
    }
    isBusy = false;
    for (const resolve of whenDone) resolve();
    whenDone = [];
  }

  function finished(): Promise<void> {
    return isBusy ? new Promise((resolve) => whenDone.push(resolve)) : Promise.resolve();
  }

  // Weights of the state that is shown, by layer and role.
  function weights(): LayerWeights[] {
    const { state } = model.shown;
    if (!known.has(state)) known.set(state, weightsByLayer(model.layers, data.states[state]));
    return known.get(state)!;
  }

  // What the network sees of an image: values lie where they lay in training.
  function seen(noisy: Values): Values {
    if (!data.limits) return noisy;
    const [low, high] = data.limits;
    return noisy.map((value) => Math.min(high, Math.max(low, value)));
  }

  // What the network makes of a noisy image.
  async function denoised(noisy: Values, state: number): Promise<Values> {
    const find = async (given: Values) => (await engine.run({ given, state, onlyOutput: true })).values[0];
    const given = seen(noisy);
    return outputOf(data.network.hides ? await foundHidden(given, shape, find) : await find(given), noisy);
  }

  // What the network gives, as `predict` gives it.
  function outputOf(output: Values, noisy: Values): Values {
    if (data.bounded) {
      const [low, high] = data.unitLimits;
      return output.map((value) => Math.min(high, Math.max(low, value)));
    }
    return sum(output, noisy, seen(noisy));
  }

  return model;
}
