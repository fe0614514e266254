// Image, noise and result: always at hand, above all other parts.

import { announce, button, byId, el, slider } from "../dom";
import { showImage } from "../draw";
import { decibels, short } from "../format";
import { CHAIN, NOISES } from "../noise";
import type { Model, Noise, NoiseChoice, Shape, Source, TrainedNoise, Values } from "../types";
import { term } from "../words";
import { openDrawing } from "./drawing";
import { watchFiles } from "./files";

export function startStrip(model: Model) {
  const strip = byId("strip");
  const results = resultsOf(model);
  strip.append(el("div", { class: "strip-inner" }, imageChoice(model), noiseChoice(model), results.element));
  model.listen(results.show);
}

function imageChoice(model: Model): HTMLElement {
  const { images } = model.data;
  const thumbs = images.list.map((image, i) => {
    const label = images.labels ? `, ${images.labels[i]}` : "";
    const canvas = el("canvas", { "aria-hidden": "true" });
    showImage(canvas, image, model.shape);
    return el(
      "button",
      {
        type: "button",
        class: "thumb",
        "aria-label": `Image ${i + 1}${label}`,
        title: images.labels?.[i],
        "aria-pressed": String(i === 0),
        style: sizedThumb(model.shape),
        on: { click: () => choose({ index: i, clean: image, label: images.labels?.[i] }) },
      },
      canvas,
    );
  });
  const own = el("canvas", { "aria-hidden": "true" });
  const ownThumb = el(
    "button",
    {
      type: "button",
      class: "thumb own",
      "aria-label": "Your own image",
      "aria-pressed": "false",
      hidden: true,
      style: sizedThumb(model.shape),
      on: { click: () => ownSource && choose(ownSource) },
    },
    own,
  );
  let ownSource: Source | null = null;

  function choose(source: Source) {
    model.change({ source });
    thumbs.forEach((thumb, i) => thumb.setAttribute("aria-pressed", String(i === source.index)));
    ownThumb.setAttribute("aria-pressed", String(source === ownSource));
    announce(source.index === undefined ? "Your own image" : `Image ${source.index + 1}`);
  }
  model.choose = choose;
  model.chooseOwn = (clean, label = "your own") => {
    ownSource = { clean, label };
    showImage(own, clean, model.shape);
    ownThumb.hidden = false;
    choose(ownSource);
  };

  const file = el("input", {
    type: "file",
    accept: "image/*",
    id: "file",
    class: "unseen",
    tabindex: "-1",
    "aria-label": "Your own image",
  });
  watchFiles(model, file);
  const [channels, height, width] = model.shape;
  const canDraw = channels === 1 && Math.max(height, width) <= 64;
  return el(
    "fieldset",
    { class: "choice images" },
    el("legend", {}, "Image"),
    el("div", { class: "thumbs" }, thumbs, ownThumb),
    el(
      "div",
      { class: "buttons" },
      canDraw && button("Draw one", () => openDrawing(model), { id: "draw-one" }),
      button("Open a file", () => file.click(), { title: "Or drop a picture anywhere on this page" }),
      button("Invert", () => model.chooseOwn(model.source.clean.map((value) => 1 - value)), {
        title: "Black becomes white",
      }),
      file,
    ),
  );
}

const sizedThumb = ([, height, width]: Shape) => `aspect-ratio: ${width} / ${height}`;

function noiseChoice(model: Model): HTMLElement {
  const training = model.data.noise;
  const own = training?.kind === "chain" ? null : training;
  const kinds = kindsFor(training);
  const says = el("p", { class: "says" });
  let level = levelSlider(kinds[model.noise.kind]);
  const select = el(
    "select",
    { id: "kind", on: { change: () => setKind(select.value as Noise["kind"]) } },
    Object.entries(kinds).map(([kind, { name }]) =>
      el(
        "option",
        { value: kind, selected: kind === model.noise.kind },
        name + (kind === own?.kind ? " (as in training)" : ""),
      ),
    ),
  );
  const seed = el("output", { class: "seed-value", for: "reroll" }, String(model.noise.seed));
  const again = button(
    "Draw anew",
    () => {
      model.change({ noise: { ...model.noise, seed: model.noise.seed + 1 } });
      seed.textContent = String(model.noise.seed);
    },
    { id: "reroll", title: "The same noise with other random numbers" },
  );

  function levelSlider(kind: NoiseChoice) {
    const made = slider({
      id: "level",
      label: "Level",
      min: kind.min ?? 0,
      max: kind.max,
      step: kind.step,
      value: model.noise.level,
      text: short,
      onInput: (value) => model.change({ noise: { ...model.noise, level: value } }),
    });
    says.textContent = `${kind.name[0].toUpperCase()}${kind.name.slice(1)} ${kind.says}.`;
    return made;
  }

  function setKind(kind: Noise["kind"]) {
    const { level: turned, usual } = kinds[kind];
    const value = own?.kind === kind ? own.levels[turned] : usual;
    model.change({ noise: { ...model.noise, kind, level: value } });
    const made = levelSlider(kinds[kind]);
    level.row.replaceWith(made.row);
    level = made;
  }

  model.setLevel = (value) => {
    model.change({ noise: { ...model.noise, level: value } });
    level.show(value);
  };
  model.noiseKinds = kinds;
  return el(
    "fieldset",
    { class: "choice noise" },
    el("legend", {}, term("noise", "Noise")),
    el(
      "div",
      { class: "noise-kind" },
      el("label", { for: "kind", class: "unseen" }, "Kind of noise"),
      select,
      el("span", { class: "seed" }, term("seed"), " ", seed, " ", again),
    ),
    level.row,
    says,
  );
}

// The kinds of noise; the level of the training's own reaches beyond what it was trained for.
function kindsFor(training: TrainedNoise | null): Record<string, NoiseChoice> {
  if (!training) return NOISES;
  if (training.kind === "chain") return { chain: CHAIN, ...NOISES };
  const own = NOISES[training.kind];
  const high = training.ranges[own.level]?.[1] ?? training.levels[own.level];
  return { ...NOISES, [training.kind]: { ...own, max: Math.max(own.max, 1.25 * high) } };
}

function resultsOf(model: Model) {
  const parts = (["clean", "noisy", "denoised"] as const).map((name) => {
    const canvas = el("canvas", { role: "img", "aria-label": `${name} image` });
    const figure = el("span", { class: "result-number" }, "");
    return { name, canvas, figure };
  });
  const time = el("p", { class: "time" });
  const epoch = el("p", { class: "epoch-note", hidden: true });
  const element = el(
    "section",
    { class: "results", "aria-label": "Result" },
    el(
      "div",
      { class: "result-row" },
      parts.map(({ name, canvas, figure }) =>
        el("figure", { class: "result" }, canvas, el("figcaption", {}, el("span", {}, name), figure)),
      ),
    ),
    el("div", { class: "result-notes" }, time, epoch),
  );
  function show() {
    const values: Record<string, Values> = {
      clean: model.shown.source.clean,
      noisy: model.noisy,
      denoised: model.denoised,
    };
    for (const { name, canvas, figure } of parts) {
      showImage(canvas, values[name], model.shape);
      figure.textContent = name === "clean" ? "" : decibels(model.psnr[name]);
    }
    const gain = model.psnr.denoised - model.psnr.noisy;
    time.replaceChildren(
      Number.isFinite(gain) ? `${gain >= 0 ? "Better" : "Worse"} by ${decibels(Math.abs(gain))} · ` : "",
      `computed here in ${Math.max(1, Math.round(model.milliseconds))} ms`,
    );
    // All of the page shows the weights of this epoch, not only the part where it was chosen.
    const { state } = model.shown;
    epoch.hidden = state === 0;
    if (state > 0) epoch.textContent = `weights of epoch ${model.data.epochs[state - 1].epoch}`;
  }
  return { element, show };
}
