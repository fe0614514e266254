// The network at earlier epochs: a slider over those whose weights were kept.

import { button, byId, el, prefersStill, slider, whenSeen } from "../dom";
import { mapPixels, showImage, showPixels } from "../draw";
import { decibels } from "../format";
import type { Data, Model, Values } from "../types";
import { prose } from "../words";
import { chart } from "./chart";

const PLAY_MS = 900;

export function startLearn(model: Model): boolean | void {
  const { epochs, curves } = model.data;
  if (epochs.length < 2) return false;
  // The last epoch is the trained network itself, in full precision.
  const states = epochs.map(({ epoch }, i) => ({ epoch, state: i === epochs.length - 1 ? 0 : i + 1 }));
  let at = states.length - 1;
  let timer: number | undefined;
  const text = (i: number) => (states[i].epoch === 0 ? "before training" : `after epoch ${states[i].epoch}`);
  const pick = slider({
    id: "epoch",
    label: "When",
    min: 0,
    max: states.length - 1,
    step: 1,
    value: at,
    text,
    onInput: (i) => {
      stop();
      go(i);
    },
  });
  const play = button("Play", () => (timer ? stop() : start()), { id: "play-epochs" });
  const strip = states.map(({ epoch }, i) => {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const label = epoch === 0 ? "start" : String(epoch);
    return {
      canvas,
      element: el(
        "button",
        {
          type: "button",
          class: "epoch-thumb",
          "aria-label": `Go to ${text(i)}`,
          on: {
            click: () => {
              stop();
              go(i);
              pick.show(i);
            },
          },
        },
        canvas,
        el("span", {}, label),
      ),
    };
  });
  const kernels = el("div", { class: "kernel-row" });
  const plot = el("div", { class: "curve-place" });
  const figures = el("p", { class: "verdict" });
  byId("learn-place").append(
    pick.row,
    el("div", { class: "buttons" }, !prefersStill() && play),
    el(
      "div",
      { class: "epoch-strip" },
      strip.map(({ element }) => element),
    ),
    figures,
    el(
      "div",
      { class: "curve-row" },
      plot,
      el(
        "div",
        { class: "curve-text" },
        el("h3", {}, "its first kernels"),
        el(
          "p",
          { class: "step-says" },
          ...prose(
            "The *kernel|kernels* of the first *convolution*. At first they are random; training turns them into what finds edges and spots.",
          ),
        ),
        kernels,
      ),
    ),
  );

  function go(i: number) {
    at = i;
    model.change({ state: states[i].state });
  }

  function start() {
    if (at === states.length - 1) at = -1;
    play.textContent = "Pause";
    timer = window.setInterval(() => {
      if (at >= states.length - 1) return stop();
      go(at + 1);
      pick.show(at);
    }, PLAY_MS);
  }

  function stop() {
    clearInterval(timer);
    timer = undefined;
    play.textContent = "Play";
  }

  let shownNoise: unknown[] | null = null;
  model.listen(whenSeen(byId("learn-place"), show));

  function show() {
    const now = states.findIndex(({ state }) => state === model.shown.state);
    strip.forEach(({ element }, i) => element.setAttribute("aria-pressed", String(i === now)));
    figures.replaceChildren(
      `${text(now)[0].toUpperCase()}${text(now).slice(1)}: this image comes out at ${decibels(model.psnr.denoised)}, from ${decibels(model.psnr.noisy)}.`,
    );
    showKernels();
    plot.replaceChildren(courseOf(curves, states[now].epoch));
    const key = [model.shown.source, model.shown.noise.kind, model.shown.noise.level, model.shown.noise.seed];
    if (key.some((part, i) => part !== shownNoise?.[i])) {
      shownNoise = key;
      showStrip(model.noisy);
    }
  }

  // The same noisy image through the network of each epoch.
  let current = {};
  async function showStrip(noisy: Values) {
    const mine = (current = {});
    await new Promise((resolve) => setTimeout(resolve, 250)); // not while a slider moves
    for (const [i, { state }] of states.entries()) {
      if (mine !== current) return;
      showImage(strip[i].canvas, await model.denoise(noisy, state), model.shape);
    }
  }

  function showKernels() {
    const index = model.layers.findIndex(({ kind }) => kind === "convolution");
    if (index < 0) return;
    const { values, shape } = model.weights()[index].weight!;
    const limit = values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-12);
    const size = shape[2] * shape[3];
    const shown = Math.min(32, shape[0]);
    kernels.replaceChildren(
      ...Array.from({ length: shown }, (_, k) => {
        const canvas = el("canvas", { role: "img", "aria-label": `Kernel ${k + 1}` });
        if (shape[1] === 3) {
          const colours = values.slice(k * 3 * size, (k + 1) * 3 * size).map((v) => 0.5 + v / (2 * limit));
          showImage(canvas, colours, [3, shape[2], shape[3]]);
        } else {
          showPixels(
            canvas,
            mapPixels(values.subarray(k * shape[1] * size), [1, shape[2], shape[3]], 0, {
              palette: "signs",
              low: -limit,
              high: limit,
            }),
          );
        }
        return canvas;
      }),
    );
  }
}

function courseOf(curves: Data["curves"], epoch: number): SVGSVGElement {
  const named = curves.valid_psnr ? "valid_psnr" : "train_loss";
  const points = pointsOf(curves[named]);
  const isLoss = named === "train_loss";
  const noisy = isLoss || !curves.noisy_psnr ? [] : pointsOf(curves.noisy_psnr);
  return chart({
    label: isLoss ? "Training loss by epoch" : "PSNR of images held out, by epoch",
    x: { low: 0, high: Math.max(1, points.length), name: "epoch" },
    y: { name: isLoss ? "training loss" : "PSNR in dB of images held out" },
    series: [
      { name: isLoss ? "loss" : "denoised", points, kind: "accent" },
      ...(noisy.length ? [{ name: "noisy", points: noisy, kind: "plain" }] : []),
    ],
    marked: epoch,
  });
}

// Epochs whose number is known, with it.
const pointsOf = (curve: (number | null)[]) => curve.flatMap((y, i) => (y === null ? [] : [{ x: i + 1, y }]));
