// The parts of images that excite a map most.

import { el } from "../dom";
import { imagePixels } from "../draw";
import { asMaps, pixelsOfPlace } from "../tensor/apart";
import type { Chosen, Model, Shape, Values } from "../types";
import { prose } from "../words";
import { mapView } from "./map_view";

const CONTEXT = 14;

export function patchesOf(model: Model, { layer }: Chosen, channel: number): HTMLElement[] {
  const index = model.stages.findIndex(({ layers }) => layers.includes(layer));
  const places = model.data.excitement[index];
  const stage = model.stages[index];
  const [channels, height, width] = asMaps(model.layers[stage.layers.at(-1)!].shape);
  if (!places || channels !== asMaps(model.layers[layer].shape)[0]) return [];
  const [, imageHeight, imageWidth] = model.shape;
  const [tall, wide] = stage.field;
  // A field of a few pixels is shown with what is around it.
  const [shownTall, shownWide] = [
    Math.min(imageHeight, Math.max(tall, CONTEXT)),
    Math.min(imageWidth, Math.max(wide, CONTEXT)),
  ];
  const flat = places[channel];
  const figures: HTMLElement[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    const [image, row, column] = flat.slice(i, i + 3);
    const centreY = (row + 0.5) * pixelsOfPlace(height, imageHeight);
    const centreX = (column + 0.5) * pixelsOfPlace(width, imageWidth);
    const top = corner(centreY, shownTall, imageHeight);
    const left = corner(centreX, shownWide, imageWidth);
    const view = mapView({ label: `Part of image ${image + 1}`, size: "patch" });
    const values = cut(model.data.copies.list[image], model.shape, top, left, shownTall, shownWide);
    view.show(imagePixels(values, [model.shape[0], shownTall, shownWide]));
    if (tall < shownTall || wide < shownWide) {
      view.mark([
        {
          top: corner(centreY, tall, imageHeight) - top,
          left: corner(centreX, wide, imageWidth) - left,
          height: tall,
          width: wide,
        },
      ]);
    }
    figures.push(view.element);
  }
  const isWhole = tall === imageHeight && wide === imageWidth;
  return [
    el("h3", {}, "what excites it most"),
    el(
      "p",
      { class: "step-says" },
      ...prose(
        `Among ${model.data.copies.n} images given to this page, these make ${stage.title === "Code" ? "this map of the code" : `map ${channel + 1} of ${stage.title}`} brightest. ` +
          (isWhole
            ? "Its *field of view* is the whole image."
            : `Its *field of view* is ${tall} × ${wide} pixels${tall < shownTall ? ", the marked squares" : ", which are shown"}.`),
      ),
    ),
    el("div", { class: "patch-row" }, figures),
  ];
}

const corner = (centre: number, length: number, side: number) =>
  Math.max(0, Math.min(side - length, Math.round(centre - length / 2)));

function cut(
  values: Values,
  [channels, height, width]: Shape,
  top: number,
  left: number,
  tall: number,
  wide: number,
): Values {
  const part = new Float32Array(channels * tall * wide);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let y = 0; y < tall; y++) {
      for (let x = 0; x < wide; x++, i++) part[i] = values[(c * height + y + top) * width + x + left];
    }
  }
  return part;
}
