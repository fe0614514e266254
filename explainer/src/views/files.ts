// Pictures of the reader's own: from a file, dropped or pasted, cut to a square and made smaller.

import { announce, byId, el } from "../dom";
import type { Model, Shape, Values } from "../types";

export function watchFiles(model: Model, input: HTMLInputElement) {
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    if (file) take(model, file);
  });
  const veil = el("div", { class: "veil", hidden: true }, "Drop the picture to look at it");
  document.body.append(veil);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    veil.hidden = true;
    const [file] = event.dataTransfer?.files ?? [];
    if (file) take(model, file);
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) take(model, file);
  });
}

async function take(model: Model, file: File) {
  let picture: ImageBitmap;
  try {
    picture = await createImageBitmap(file);
  } catch {
    announce("This file is no picture.");
    byId("strip").dataset.error = "This file is no picture that the browser can read.";
    return;
  }
  delete byId("strip").dataset.error;
  model.chooseOwn(valuesOf(picture, model.shape), file.name);
}

// The middle of a picture, as large as fits, at the size that the network takes.
function valuesOf(picture: ImageBitmap, [channels, height, width]: Shape): Values {
  const canvas = el("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const part = Math.min(picture.width / width, picture.height / height);
  const [cutWidth, cutHeight] = [width * part, height * part];
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(
    picture,
    (picture.width - cutWidth) / 2,
    (picture.height - cutHeight) / 2,
    cutWidth,
    cutHeight,
    0,
    0,
    width,
    height,
  );
  return fromPixels(context.getImageData(0, 0, width, height).data, channels, width * height);
}

// Values (C, H, W) from bytes of red, green, blue and opacity.
function fromPixels(bytes: Uint8ClampedArray, channels: number, size: number): Values {
  const values = new Float32Array(channels * size);
  for (let i = 0; i < size; i++) {
    const [r, g, b] = [bytes[4 * i] / 255, bytes[4 * i + 1] / 255, bytes[4 * i + 2] / 255];
    if (channels < 3) values[i] = 0.2125 * r + 0.7154 * g + 0.0721 * b;
    else (values.set([r], i), values.set([g], size + i), values.set([b], 2 * size + i));
    if (channels === 4) values[3 * size + i] = bytes[4 * i + 3] / 255;
  }
  return values;
}
