// The parts of images that excite a map most.

import { el } from "../dom.js";
import { showImage } from "../draw.js";
import { asMaps } from "../tensor/apart.js";
import { prose } from "../words.js";

export function patchesOf(model, { layer, channel }) {
  const index = model.stages.findIndex(({ layers }) => layers.includes(layer));
  const places = model.data.excitement[index];
  const stage = model.stages[index];
  const [channels, height, width] = asMaps(model.layers[stage.layers.at(-1)].shape);
  if (!places || channels !== asMaps(model.layers[layer].shape)[0]) return [];
  const [, imageHeight, imageWidth] = model.shape;
  const [tall, wide] = stage.field;
  const flat = places[channel];
  const figures = [];
  for (let i = 0; i < flat.length; i += 3) {
    const [image, row, column] = flat.slice(i, i + 3);
    const top = corner(((row + 0.5) * imageHeight) / height, tall, imageHeight);
    const left = corner(((column + 0.5) * imageWidth) / width, wide, imageWidth);
    const canvas = el("canvas", { role: "img", "aria-label": `Part of image ${image + 1}` });
    showImage(canvas, cut(model.data.copies.list[image], model.shape, top, left, tall, wide), [model.shape[0], tall, wide]);
    figures.push(canvas);
  }
  const isWhole = tall === imageHeight && wide === imageWidth;
  return [
    el("h3", {}, "what excites it most"),
    el("p", { class: "step-says" }, ...prose(
      `Among ${model.data.copies.n} images given to this page, these make ${stage.title === "Code" ? "this map of the code" : `map ${channel + 1} of ${stage.title}`} brightest. ` +
        (isWhole ? "Its *field of view* is the whole image." : `Its *field of view* is ${tall} × ${wide} pixels, which are shown.`),
    )),
    el("div", { class: "patch-row" }, figures),
  ];
}

const corner = (centre, length, side) => Math.max(0, Math.min(side - length, Math.round(centre - length / 2)));

function cut(values, [channels, height, width], top, left, tall, wide) {
  const part = new Float32Array(channels * tall * wide);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let y = 0; y < tall; y++) {
      for (let x = 0; x < wide; x++, i++) part[i] = values[(c * height + y + top) * width + x + left];
    }
  }
  return part;
}
