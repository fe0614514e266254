// What is shown now, and all that follows from it. Views listen; whoever changes something calls
// `change`, and the network computes as soon as it can, always with the newest state.

import { foundHidden } from "./hiding.js";
import { corrupted, initialNoise, psnr } from "./noise.js";
import { sum } from "./tensor/apart.js";

export function createModel(data, engine) {
  const listeners = [];
  const shape = data.images.shape;
  const model = {
    data,
    engine,
    shape,
    layers: data.network.layers,
    stages: data.network.stages,
    // What the reader chooses.
    source: { index: 0, clean: data.images.list[0], label: data.images.labels?.[0] },
    noise: initialNoise(data.noise),
    state: 0,
    // What follows.
    noisy: null,
    values: null,
    denoised: null,
    milliseconds: 0,
    listen: (listener) => listeners.push(listener),
    change,
    finished,
    denoise: denoised,
    seen,
  };
  let isBusy = false;
  let isStale = false;
  let whenDone = [];

  function change(changes) {
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
      const { values, milliseconds } = await engine.run({ given: seen(noisy), state });
      // Only what belongs together is shown.
      Object.assign(model, { noisy, values, milliseconds, shown: { source, noise, state } });
      model.denoised = data.network.hides ? await denoised(noisy, state) : outputOf(values.at(-1), noisy);
      model.psnr = { noisy: psnr(noisy, source.clean), denoised: psnr(model.denoised, source.clean) };
      for (const listener of listeners) listener(model);
    }
    isBusy = false;
    for (const resolve of whenDone) resolve();
    whenDone = [];
  }

  function finished() {
    return isBusy ? new Promise((resolve) => whenDone.push(resolve)) : Promise.resolve();
  }

  // What the network sees of an image: values lie where they lay in training.
  function seen(noisy) {
    if (!data.limits) return noisy;
    const [low, high] = data.limits;
    return noisy.map((value) => Math.min(high, Math.max(low, value)));
  }

  // What the network makes of a noisy image.
  async function denoised(noisy, state) {
    const find = async (given) => (await engine.run({ given, state, onlyOutput: true })).values[0];
    const given = seen(noisy);
    return outputOf(data.network.hides ? await foundHidden(given, shape, find) : await find(given), noisy);
  }

  // What the network gives, as `predict` gives it.
  function outputOf(output, noisy) {
    if (data.bounded) {
      const [low, high] = data.unitLimits;
      return output.map((value) => Math.min(high, Math.max(low, value)));
    }
    return sum(output, noisy, seen(noisy));
  }

  return model;
}
