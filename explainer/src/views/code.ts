// The code: sliders along its principal axes, a map of the codes, a walk between two images.

import { movedTo, placesOf, shareBelow } from "../codes";
import { bin, max, quantile, scaleLinear } from "../d3";
import { button, byId, el, slider, whenSeen } from "../dom";
import { showImage } from "../draw";
import { count, percent, short } from "../format";
import { lengthOf } from "../tensor/layers";
import type { Codes, Model, Source, Values } from "../types";
import { prose, term } from "../words";
import { codeMap } from "./code_map";
import { startWalk } from "./walk";

export function startCode(model: Model): boolean {
  const { codes, network } = model.data;
  if (!codes || network.code === null) return false;
  if (network.decodes) startSliders(model, codes, network.code);
  else startMap(model, codes, network.code);
  return true;
}

// The map of the codes alone, of a network whose code does not make an image.
function startMap(model: Model, codes: Codes, layer: number) {
  const place = byId("code-place");
  const map = codeMap(model, codes);
  place.append(
    el(
      "div",
      { class: "code-alone" },
      map.element,
      el(
        "p",
        { class: "step-says" },
        ...prose(
          "The *code* of this network alone does not make an image: the *decoder* is handed the maps of the *encoder* too (*skip|skip connections*). So there are no sliders here. In the map, images lie close together that look alike to the network.",
        ),
      ),
    ),
  );
  model.listen(whenSeen(place, () => map.show(placesOf(model.values[layer], codes))));
}

function startSliders(model: Model, codes: Codes, start: number) {
  const place = byId("code-place");
  const map = codeMap(model, codes);
  const { spread } = codes;
  const isShort = spread !== null;
  const decoded = el("canvas", { role: "img", "aria-label": "Image decoded from the code" });
  const original = el("canvas", { role: "img", "aria-label": "Image whose code it is" });
  const note = el("p", { class: "step-says", "aria-live": "polite" });
  let code: Values = new Float32Array(lengthOf(model.layers[start].shape));
  let from: number[] = [];
  let to: number[] = [];
  let pending = false;
  let busy = false;

  const score = scoreRow(model.data.scores ?? []);
  const axes = Array.from({ length: isShort ? codes.mean.length : codes.nAxes }, (_, a) => axisRow(a));
  place.append(
    el(
      "div",
      { class: "code-grid" },
      el(
        "div",
        { class: "code-images" },
        el("figure", {}, original, el("figcaption", {}, "the image")),
        el("span", { class: "sign", "aria-hidden": "true" }, "→"),
        el("figure", {}, decoded, el("figcaption", {}, "drawn from the moved code")),
        note,
      ),
      el(
        "div",
        { class: "code-sliders" },
        el(
          "h3",
          {},
          isShort ? "the numbers of the code" : "along the ",
          !isShort && term("principal axis", "principal axes"),
        ),
        axes.map(({ row }) => row),
        el(
          "div",
          { class: "buttons" },
          button("Back to the image", reset),
          button("The mean of all", () => {
            move(from.map((_, a) => (isShort ? codes.mean[a] : 0)));
          }),
        ),
      ),
      map.element,
    ),
    el("div", { class: "code-lower" }, startWalk(model, start), score.element),
  );

  function axisRow(a: number) {
    const [low, high] = spread ? widened(spread.low[a], spread.high[a]) : [-3, 3];
    const made = slider({
      id: `axis-${a}`,
      label: isShort ? `number ${a + 1}` : `axis ${a + 1}`,
      min: low,
      max: high,
      step: (high - low) / 120,
      value: 0,
      text: (v) => (isShort ? short(v) : `${short(v)} σ`),
      onInput: (v) => {
        to[a] = v;
        decode();
      },
    });
    const ends = [
      el("canvas", { class: "axis-end", "aria-hidden": "true" }),
      el("canvas", { class: "axis-end", "aria-hidden": "true" }),
    ];
    const row = el(
      "div",
      { class: "axis-row" },
      ends[0],
      made.row,
      ends[1],
      !isShort &&
        el(
          "span",
          { class: "axis-share", title: "Share of all differences between the codes" },
          percent(codes.shares[a]),
        ),
    );
    return { row, ends, low, high, show: made.show };
  }

  function reset() {
    move(from);
  }

  function move(places: number[]) {
    to = [...places];
    axes.forEach((axis, a) => axis.show(to[a]));
    decode();
  }

  const moved = (places: number[]) =>
    isShort ? Float32Array.from(places) : movedTo(code, from, places, codes);

  async function decode() {
    pending = true;
    if (busy) return;
    busy = true;
    while (pending) {
      pending = false;
      const { values } = await model.engine.run({
        given: moved(to),
        start,
        state: model.state,
        onlyOutput: true,
      });
      showImage(decoded, values[0], model.shape);
    }
    busy = false;
    if (isShort) map.show(placesOf(moved(to), codes), placesOf(code, codes));
    else map.show(to, from);
    const changed = from.filter((v, a) => Math.abs(v - to[a]) > 1e-6).length;
    note.textContent = changed
      ? `${changed} of ${count(axes.length)} moved: this image was never in any camera.`
      : `The code of the image itself: ${count(code.length)} numbers.`;
  }

  // What each axis does to this image, at both ends of its slider.
  let endsOf = {};
  async function showEnds() {
    const mine = (endsOf = {});
    for (const [a, { ends, low, high }] of axes.entries()) {
      for (const [i, v] of [low, high].entries()) {
        const places = from.map((own, b) => (b === a ? (isShort ? v : (2 * v) / 3) : own));
        const { values } = await model.engine.run({
          given: moved(places),
          start,
          state: model.state,
          onlyOutput: true,
        });
        if (mine !== endsOf) return;
        showImage(ends[i], values[0], model.shape);
      }
    }
  }

  // The code of the image without noise, whatever the noise above is.
  let shownSource: Source | null = null;
  let shownState = 0;
  model.listen(whenSeen(place, showSource));

  async function showSource() {
    const { source, state } = model.shown;
    if (source === shownSource && state === shownState) return;
    [shownSource, shownState] = [source, state];
    const { values } = await model.engine.run({ given: model.seen(source.clean), state, isFolded: true });
    code = values[start];
    showImage(original, source.clean, model.shape);
    from = isShort ? [...code] : placesOf(code, codes);
    score.show(values.at(-1)!, source.clean);
    reset();
    showEnds();
  }
}

function widened(low: number, high: number): [number, number] {
  const by = 0.15 * (high - low || 1);
  return [low - by, high + by];
}

// How well the image is given back without noise, among all images of X.
function scoreRow(scores: number[]) {
  const element = el("div", { class: "score" });
  const [nBars, width, height] = [32, 420, 84];
  const limit = 1.3 * quantile(scores, 0.98)! || 1;
  const px = scaleLinear([0, limit], [0, width]).nice(nBars).clamp(true);
  const [, high] = px.domain();
  const bins = bin().domain([0, high]).thresholds(nBars)(scores.map((score) => Math.min(score, high)));
  const py = scaleLinear([0, max(bins, ({ length }) => length)!], [height, 8]);
  const show = (output: Values, clean: Values) => {
    const score =
      output.reduce((sum, v, i) => sum + (Math.min(1, Math.max(0, v)) - clean[i]) ** 2, 0) / clean.length;
    const share = shareBelow(scores, score);
    const at = Math.min(width - 2, px(score));
    element.replaceChildren(
      el("h3", {}, "how usual is the image?"),
      el(
        "svg",
        {
          class: "plot histogram",
          viewBox: `0 0 ${width} ${height + 18}`,
          role: "img",
          "aria-label": `Anomaly scores of ${scores.length} images; this one is at ${short(share * 100)} percent`,
        },
        bins.map(({ length, x0, x1 }) =>
          el("rect", {
            class: "bar-shape",
            x: px(x0!) + 1,
            y: py(length),
            width: px(x1!) - px(x0!) - 2,
            height: height - py(length),
          }),
        ),
        el("line", { class: "marked", x1: at, x2: at, y1: 0, y2: height }),
        el("text", { x: 0, y: height + 14 }, "given back well"),
        el("text", { x: width, y: height + 14, "text-anchor": "end" }, "given back badly: unusual"),
      ),
      el(
        "p",
        { class: "step-says" },
        ...prose(
          `Its *anomaly score*, the mean squared error without noise, is ${score.toPrecision(2)}: larger than that of ${percent(share)} of ${count(scores.length)} images.` +
            (share > 0.98 ? " That is unusual: it looks like nothing the network has learned." : ""),
        ),
      ),
    );
  };
  return { element, show };
}
