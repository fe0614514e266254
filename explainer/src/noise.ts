// The noise models of the library. Each has one level that a slider turns; images are (C, H, W),
// black is 0 and white is 1.

import { normalsOf, poissonOf, uniformsOf, type Draw } from "./random";
import type {
  Noise,
  NoiseChoice,
  NoiseKind,
  NoiseOfSeveral,
  OneNoise,
  Pair,
  Shape,
  TrainedNoise,
  Values,
} from "./types";

type Levels = Record<string, number>;

interface NoiseModel extends NoiseChoice {
  // What the parameters are that the slider does not turn.
  rest: Levels;
  corrupt: (values: Values, shape: Shape, levels: Levels, uniform: Draw) => Values;
}

export const NOISES: Record<NoiseKind, NoiseModel> = {
  gaussian: {
    name: "Gaussian noise",
    level: "std",
    max: 0.5,
    step: 0.01,
    usual: 0.1,
    rest: {},
    says: "adds a random number to each value, most of them within one standard deviation: the hiss of a sensor",
    corrupt: (values, _shape, { std }, uniform) => {
      const normal = normalsOf(uniform);
      return values.map((value) => value + std * normal());
    },
  },
  salt_and_pepper: {
    name: "salt and pepper",
    level: "amount",
    max: 0.6,
    step: 0.01,
    usual: 0.1,
    rest: { salt_ratio: 0.5 },
    says: "replaces a share of the values by white or black: broken pixels",
    corrupt: (values, _shape, { amount, salt_ratio }, uniform) =>
      values.map((value) => {
        const draw = uniform();
        return draw < amount * salt_ratio ? 1 : draw < amount ? 0 : value;
      }),
  },
  masking: {
    name: "masking",
    level: "fraction",
    max: 0.8,
    step: 0.01,
    usual: 0.25,
    rest: {},
    says: "turns a share of the pixels black: what the first denoising autoencoders had to fill in",
    corrupt: (values, [, height, width], { fraction }, uniform) => {
      const size = height * width;
      const isMasked = Array.from({ length: size }, () => uniform() < fraction);
      return values.map((value, i) => (isMasked[i % size] ? 0 : value));
    },
  },
  blur: {
    name: "blur",
    level: "std",
    max: 3,
    step: 0.05,
    usual: 1,
    rest: {},
    says: "mixes each pixel with those around it: a lens out of focus. The level is in pixels",
    corrupt: blurred,
  },
  poisson: {
    name: "photon noise",
    level: "peak",
    max: 100,
    min: 1,
    step: 1,
    usual: 30,
    rest: {},
    says: "counts photons: the fewer reach a white pixel, the noisier. The level is their number, so less is worse",
    corrupt: (values, _shape, { peak }, uniform) => {
      const poisson = poissonOf(uniform);
      return values.map((value) => poisson(Math.max(0, value) * peak) / peak);
    },
  },
  poisson_gaussian: {
    name: "sensor noise",
    level: "gain",
    max: 0.2,
    step: 0.002,
    usual: 0.02,
    rest: { offset: 0, read_std: 0.03 },
    says: "photons that are counted and electronics that read them. The level is the brightness of one photon",
    corrupt: (values, _shape, { gain, offset, read_std }, uniform) => {
      const [poisson, normal] = [poissonOf(uniform), normalsOf(uniform)];
      return values.map((value) => {
        const signal = Math.max(0, value - offset);
        const shot = gain > 0 ? gain * poisson(signal / gain) - signal : 0;
        return value + shot + read_std * normal();
      });
    },
  },
  speckle: {
    name: "speckle",
    level: "std",
    max: 1,
    step: 0.02,
    usual: 0.2,
    rest: {},
    says: "multiplies each value by a random number near one, so that bright places are noisier: radar and ultrasound",
    corrupt: (values, _shape, { std }, uniform) => {
      const normal = normalsOf(uniform);
      return values.map((value) => value * (1 + std * normal()));
    },
  },
};

// Several noises one after the other: the training's own. The level multiplies theirs.
export const CHAIN: NoiseChoice = {
  name: "as in training",
  level: "strength",
  max: 2,
  step: 0.05,
  usual: 1,
  says: "the noises of the training, one after the other. The level multiplies theirs",
};

// A noisy image. `noise` holds kind, level and seed; `training` is what the network was trained with.
export function corrupted(
  values: Values,
  shape: Shape,
  noise: Noise,
  training: TrainedNoise | null,
  limits: Pair = [0, 1],
): Values {
  const uniform = uniformsOf(noise.seed);
  const clips = training ? training.clip : true;
  const clip = (image: Values) =>
    clips ? image.map((value) => Math.min(limits[1], Math.max(limits[0], value))) : image;
  if (noise.kind === "chain") {
    const { models } = training as NoiseOfSeveral;
    return models.reduce((image, model) => {
      const { level, corrupt } = NOISES[model.kind];
      // Fewer photons are more noise.
      const factor = level === "peak" ? 1 / Math.max(noise.level, 0.01) : noise.level;
      return clip(corrupt(image, shape, { ...model.levels, [level]: model.levels[level] * factor }, uniform));
    }, values);
  }
  const { level, rest, corrupt } = NOISES[noise.kind];
  const own = training?.kind === noise.kind ? (training as OneNoise).levels : rest;
  return clip(corrupt(values, shape, { ...own, [level]: noise.level }, uniform));
}

// Kind and level to begin with: those of the training, ranges by their middle.
export function initialNoise(training: TrainedNoise | null): Noise {
  if (training?.kind === "chain") return { kind: "chain", level: 1, seed: 1 };
  if (!training) return { kind: "gaussian", level: NOISES.gaussian.usual, seed: 1 };
  return { kind: training.kind, level: training.levels[NOISES[training.kind].level], seed: 1 };
}

// Gaussian blur, row by row and then column by column; the border repeats its last pixel.
function blurred(values: Values, [, height, width]: Shape, { std }: Levels): Values {
  const radius = Math.floor(4 * std + 0.5);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / (std || 1)) ** 2),
  );
  const total = weights.reduce((a, b) => a + b, 0);
  const along = (image: Values, step: number, length: number): Values => {
    const result = new Float32Array(image.length);
    for (let i = 0; i < image.length; i++) {
      const place = Math.floor(i / step) % length;
      let sum = 0;
      for (let k = -radius; k <= radius; k++) {
        const there = Math.min(length - 1, Math.max(0, place + k));
        sum += weights[k + radius] * image[i + (there - place) * step];
      }
      result[i] = sum / total;
    }
    return result;
  };
  return along(along(values, 1, width), width, height);
}

// Peak signal-to-noise ratio in dB of an image whose values lie between 0 and 1.
export function psnr(values: ArrayLike<number>, clean: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] - clean[i]) ** 2;
  return sum === 0 ? Infinity : -10 * Math.log10(sum / values.length);
}
