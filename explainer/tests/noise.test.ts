// Noise of the levels that are asked for.

import { expect, test } from "vitest";
import { corrupted, initialNoise, NOISES, psnr } from "../src/noise";
import type { Noise, NoiseKind, OneNoise, TrainedNoise, Values } from "../src/types";

const SHAPE = [1, 64, 64];
const gray = new Float32Array(64 * 64).fill(0.5);

const trained = (kind: NoiseKind, levels: Record<string, number>, clip = true): OneNoise => ({
  kind,
  levels,
  ranges: {},
  clip,
});

interface Given {
  seed?: number;
  training?: TrainedNoise | null;
  clean?: Values;
}

const noisy = (kind: Noise["kind"], level: number, { seed = 1, training = null, clean = gray }: Given = {}) =>
  corrupted(clean, SHAPE, { kind, level, seed }, training);

function deviation(values: Values): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
}

const share = (values: Values, is: (v: number) => boolean) => values.filter(is).length / values.length;

function expectNear(found: number, expected: number, tolerance: number) {
  expect(Math.abs(found - expected), `${found} is not ${expected}`).toBeLessThan(tolerance);
}

// The standard error of a standard deviation of 4096 values is 1.1 %; four of them are allowed.
test("Gaussian noise has its standard deviation", () => {
  expectNear(deviation(noisy("gaussian", 0.1, { training: trained("gaussian", {}, false) })), 0.1, 0.005);
});

test("Gaussian noise of 0.1 is a PSNR of 20 dB", () => {
  expectNear(psnr(noisy("gaussian", 0.1), gray), 20, 0.4);
});

test("salt and pepper replace their share, half of it by white", () => {
  const values = noisy("salt_and_pepper", 0.3);
  expectNear(
    share(values, (v) => v === 1),
    0.15,
    0.025,
  );
  expectNear(
    share(values, (v) => v === 0),
    0.15,
    0.025,
  );
});

test("masking turns its share of the pixels black, in all channels", () => {
  const image = new Float32Array(3 * 64 * 64).fill(1);
  const values = corrupted(image, [3, 64, 64], { kind: "masking", level: 0.25, seed: 1 }, null);
  expectNear(
    share(values, (v) => v === 0),
    0.25,
    0.03,
  );
  for (let i = 0; i < 64 * 64; i++) expect(values[i]).toBe(values[i + 64 * 64]);
});

test("photon noise of a peak has the variance of its mean over the peak", () => {
  for (const peak of [20, 1000])
    expectNear(deviation(noisy("poisson", peak)), Math.sqrt(0.5 / peak), 0.05 * Math.sqrt(0.5 / peak));
});

test("sensor noise has the variance of its photons and of reading them", () => {
  expectNear(deviation(noisy("poisson_gaussian", 0.01)), Math.sqrt(0.01 * 0.5 + 0.03 ** 2), 0.004);
});

test("speckle grows with the brightness", () => {
  const dark = new Float32Array(64 * 64).fill(0.1);
  expectNear(deviation(noisy("speckle", 0.2, { clean: dark })), 0.02, 0.001);
});

test("blur keeps a constant image and spreads a dot like scikit-image does", () => {
  expectNear(deviation(noisy("blur", 1.5)), 0, 1e-6);
  const dot = new Float32Array(64 * 64);
  dot[32 * 64 + 32] = 1;
  // GaussianBlur(1.0) of the library gives 0.159 in the middle.
  expectNear(noisy("blur", 1, { clean: dot })[32 * 64 + 32], 0.159, 0.0005);
});

test("a seed gives the same noise, another one gives another", () => {
  for (const kind of Object.keys(NOISES) as NoiseKind[]) {
    const level = NOISES[kind].usual;
    const same = noisy(kind, level);
    expect(noisy(kind, level)).toEqual(same);
    if (kind !== "blur") expect(noisy(kind, level, { seed: 2 })).not.toEqual(same);
  }
});

test("the noise of a training is that of its levels, one after the other", () => {
  const training: TrainedNoise = {
    kind: "chain",
    models: [trained("blur", { std: 1 }), trained("gaussian", { std: 0.1 })],
    clip: true,
  };
  expect(initialNoise(training)).toEqual({ kind: "chain", level: 1, seed: 1 });
  expectNear(deviation(noisy("chain", 1, { training })), 0.1, 0.005);
  expectNear(deviation(noisy("chain", 2, { training })), 0.2, 0.01);
});

test("the slider begins at the level of the training", () => {
  expect(initialNoise(trained("poisson", { peak: 42 })).level).toBe(42);
});

test("equal images have an infinite PSNR", () => {
  expect(psnr(gray, gray)).toBe(Infinity);
});
