// The noise at large, and a curve of how good the result is at each level, which fills while one plays.

import { button, byId, el, slider, whenSeen, type Slider } from "../dom";
import { errorMap, showImage, showMap } from "../draw";
import { decibels, short } from "../format";
import { corrupted, psnr } from "../noise";
import type { Model, Noise, OneNoise, Source } from "../types";
import { prose } from "../words";
import { chart } from "./chart";

const SWEEP_STEPS = 24;

const NAMES = ["clean", "noisy", "denoised", "error"] as const;
type Name = (typeof NAMES)[number];
const byName = <T>(make: (name: Name) => T) =>
  Object.fromEntries(NAMES.map((name) => [name, make(name)])) as Record<Name, T>;

export function startNoise(model: Model) {
  const canvases = byName((name) => el("canvas", { role: "img", "aria-label": `${name} image` }));
  const figures = byName(() => el("span", { class: "result-number" }));
  const plot = el("div", { class: "curve-place" });
  const verdict = el("p", { class: "verdict" });
  const levelPlace = el("div", { class: "level-here" });
  let level: Slider | null = null;
  let levelKind: string | null = null;
  let points = new Map<number, Model["psnr"]>();
  let key: string | null = null;
  let curveSource: Source | null = null;

  const sweepButton = button("Try all levels", sweep, { id: "sweep", class: "main-button" });
  byId("noise-place").append(
    levelPlace,
    el(
      "div",
      { class: "large-row" },
      NAMES.map((name) =>
        el(
          "figure",
          { class: "large" },
          canvases[name],
          el("figcaption", {}, el("span", {}, name), figures[name]),
        ),
      ),
    ),
    el(
      "div",
      { class: "curve-row" },
      plot,
      el(
        "div",
        { class: "curve-text" },
        verdict,
        el(
          "div",
          { class: "buttons" },
          sweepButton,
          button("Clear the curve", () => {
            points = new Map();
            showCurve();
          }),
        ),
      ),
    ),
  );

  model.listen(whenSeen(byId("noise-place"), show));

  function show() {
    const { source, noise, state } = model.shown;
    if (noise.kind !== levelKind) showLevel(noise);
    level?.show(noise.level);
    showImage(canvases.clean, source.clean, model.shape);
    showImage(canvases.noisy, model.noisy, model.shape);
    showImage(canvases.denoised, model.denoised, model.shape);
    const [, height, width] = model.shape;
    showMap(canvases.error, errorMap(model.denoised, source.clean, model.shape), [1, height, width], 0, {
      palette: "signs",
      low: -0.5,
      high: 0.5,
    });
    figures.noisy.textContent = decibels(model.psnr.noisy);
    figures.denoised.textContent = decibels(model.psnr.denoised);
    // A curve belongs to one image, one kind of noise and one state of the network.
    const now = `${noise.kind} ${state}`;
    if (now !== key || source !== curveSource) {
      points = new Map();
      key = now;
      curveSource = source;
    }
    points.set(noise.level, { noisy: model.psnr.noisy, denoised: model.psnr.denoised });
    showCurve();
  }

  // A second slider of the level, for those who no longer see the first.
  function showLevel({ kind, level: value }: Noise) {
    levelKind = kind;
    const { min = 0, max, step, name } = model.noiseKinds[kind];
    level = slider({
      id: "level-here",
      label: `Level of ${name}`,
      min,
      max,
      step,
      value,
      text: short,
      onInput: model.setLevel,
    });
    levelPlace.replaceChildren(level.row);
  }

  async function sweep() {
    sweepButton.disabled = true;
    const { source, noise, state } = model;
    const kind = model.noiseKinds[noise.kind];
    const low = kind.min ?? 0;
    for (let i = 0; i <= SWEEP_STEPS; i++) {
      if (source !== model.source || noise.kind !== model.noise.kind || state !== model.state) break;
      const level = low + ((kind.max - low) * i) / SWEEP_STEPS;
      const noisy = corrupted(
        source.clean,
        model.shape,
        { ...noise, level },
        model.data.noise,
        model.data.unitLimits,
      );
      const denoised = await model.denoise(noisy, state);
      points.set(level, { noisy: psnr(noisy, source.clean), denoised: psnr(denoised, source.clean) });
      showCurve();
    }
    sweepButton.disabled = false;
  }

  function showCurve() {
    const { noise } = model.shown;
    const kind = model.noiseKinds[noise.kind];
    const sorted = [...points].sort(([a], [b]) => a - b).map(([level, p]) => ({ x: level, ...p }));
    const drawn = (name: keyof Model["psnr"]) =>
      sorted.filter((p) => Number.isFinite(p[name])).map((p) => ({ x: p.x, y: Math.min(60, p[name]) }));
    plot.replaceChildren(
      chart({
        label: `PSNR against the level of ${kind.name}`,
        x: { low: kind.min ?? 0, high: kind.max, name: `level (${kind.name})` },
        y: { name: "PSNR in dB, higher is closer to the clean image" },
        series: [
          { name: "denoised", points: drawn("denoised"), kind: "accent" },
          { name: "noisy", points: drawn("noisy"), kind: "plain" },
        ],
        marked: noise.level,
        trained: trainedLevels(model, noise.kind),
      }),
    );
    verdict.replaceChildren(...prose(verdictOf(model)));
  }
}

// The levels of the training, if this is its noise.
function trainedLevels(model: Model, kind: Noise["kind"]): { low: number; high: number } | null {
  if (model.data.noise?.kind !== kind || kind === "chain") return null;
  const training = model.data.noise as OneNoise;
  const level = model.noiseKinds[kind].level;
  const [low, high] = training.ranges[level] ?? [training.levels[level], training.levels[level]];
  return { low, high };
}

function verdictOf(model: Model): string {
  const { noise } = model.shown;
  const trained = trainedLevels(model, noise.kind);
  const gain = model.psnr.denoised - model.psnr.noisy;
  const better = Number.isFinite(gain)
    ? gain > 0.05
      ? `At this level the network makes the image better by ${decibels(gain)} of *PSNR*.`
      : gain < -0.05
        ? `At this level the network makes the image worse, by ${decibels(-gain)} of *PSNR*: what it loses of the image weighs more than the noise it takes away.`
        : "At this level the network changes little for better or worse."
    : "There is no noise now: all that differs is what the network itself leaves out.";
  if (!trained)
    return `${better} It was not trained for this noise: see how far what it has learned carries.`;
  const levels =
    trained.low === trained.high
      ? `the level ${short(trained.low)}`
      : `levels from ${short(trained.low)} to ${short(trained.high)}`;
  return `${better} It was trained for ${levels}, shaded in the picture. Turn the level beyond it and see where it fails.`;
}
