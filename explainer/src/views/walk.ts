// A walk between two images: halfway between their codes, and halfway between their pixels.

import { between } from "../codes";
import { el, slider, whenSeen } from "../dom";
import { showImage } from "../draw";
import { percent } from "../format";
import type { Model, Values } from "../types";
import { prose } from "../words";

const N_STEPS = 7;

// `start` is the layer of the code.
export function startWalk(model: Model, start: number): HTMLElement {
  const { images, copies } = model.data;
  const choices = [...images.list, ...copies.list.slice(images.n)].slice(0, 48);
  const other = otherThan(images.labels, choices.length);
  const ends = [
    { value: 0, canvas: el("canvas", { role: "img", "aria-label": "Start" }) },
    { value: other, canvas: el("canvas", { role: "img", "aria-label": "End" }) },
  ];
  const selects = ends.map((end, i) =>
    el(
      "select",
      {
        id: `walk-${i}`,
        "aria-label": i === 0 ? "Start of the walk" : "End of the walk",
        on: {
          change: (event) => {
            end.value = Number((event.target as HTMLSelectElement).value);
            walk();
          },
        },
      },
      choices.map((_, k) =>
        el(
          "option",
          { value: k, selected: k === end.value },
          `image ${k + 1}${images.labels ? ` (${images.labels[k]})` : ""}`,
        ),
      ),
    ),
  );
  const strips = ["codes", "pixels"].map((kind) => ({
    kind,
    canvases: Array.from({ length: N_STEPS }, (_, i) =>
      el("canvas", { role: "img", "aria-label": `${percent(i / (N_STEPS - 1))} of the way between ${kind}` }),
    ),
  }));
  const middle = ["codes", "pixels"].map((kind) => ({
    kind,
    canvas: el("canvas", { role: "img", "aria-label": `Between ${kind}` }),
  }));
  let share = 0.5;
  let codes: Values[] = [];
  let pending = false;
  let busy = false;
  const at = slider({
    id: "walk",
    label: "How far on the way",
    min: 0,
    max: 1,
    step: 0.01,
    value: share,
    text: percent,
    onInput: (value) => {
      share = value;
      showShare();
    },
  });

  async function walk() {
    const images = ends.map(({ value }) => choices[value]);
    images.forEach((image, i) => showImage(ends[i].canvas, image, model.shape));
    const state = model.state;
    codes = [];
    for (const image of images) {
      const { values } = await model.engine.run({ given: model.seen(image), state, isFolded: true });
      codes.push(values[start]);
    }
    for (let i = 0; i < N_STEPS; i++) {
      const part = i / (N_STEPS - 1);
      showImage(strips[0].canvases[i], await decoded(part, state), model.shape);
      showImage(strips[1].canvases[i], between(images[0], images[1], part), model.shape);
    }
    showShare();
  }

  async function decoded(part: number, state: number): Promise<Values> {
    const given = between(codes[0], codes[1], part);
    const { values } = await model.engine.run({ given, start, state, onlyOutput: true });
    return values[0];
  }

  async function showShare() {
    pending = true;
    if (busy || codes.length < 2) return;
    busy = true;
    while (pending) {
      pending = false;
      showImage(middle[0].canvas, await decoded(share, model.state), model.shape);
      showImage(
        middle[1].canvas,
        between(choices[ends[0].value], choices[ends[1].value], share),
        model.shape,
      );
    }
    busy = false;
  }

  let state: number | null = null;
  const element = el(
    "div",
    { class: "walk" },
    el("h3", {}, "a walk between two images"),
    el(
      "p",
      { class: "step-says" },
      ...prose(
        "Halfway between two images, pixel by pixel, lies a double exposure. Halfway between their *code|codes* lies what the *decoder* makes of it.",
      ),
    ),
    el(
      "div",
      { class: "walk-ends" },
      ends.map(({ canvas }, i) => el("div", { class: "walk-end" }, canvas, selects[i])),
    ),
    strips.map(({ kind, canvases }) =>
      el(
        "div",
        { class: "walk-strip" },
        el("span", {}, `between ${kind}`),
        el("div", { class: "walk-steps" }, canvases),
      ),
    ),
    at.row,
    el(
      "div",
      { class: "walk-middle" },
      middle.map(({ kind, canvas }) => el("figure", {}, canvas, el("figcaption", {}, `between ${kind}`))),
    ),
  );
  model.listen(
    whenSeen(element, () => {
      if (state === model.shown.state) return;
      state = model.shown.state;
      walk();
    }),
  );
  return element;
}

// An image of another label, else the last one.
function otherThan(labels: string[] | null, n: number): number {
  const found = labels ? labels.slice(0, n).findIndex((label) => label !== labels[0]) : -1;
  return found > 0 ? found : Math.min(n - 1, 1);
}
