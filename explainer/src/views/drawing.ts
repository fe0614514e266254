// A sheet to draw on, with pixels as large as those of the network.

import { ARROWS, button, el } from "../dom";
import { showImage } from "../draw";
import type { Model, Values } from "../types";

// A place in units of pixels.
interface Place {
  row: number;
  column: number;
}

export function openDrawing(model: Model) {
  const [, height, width] = model.shape;
  // Begin with what most images have behind what they show.
  const ground = medianOf(model.data.images.list[0]);
  const ink = ground < 0.5 ? 1 : 0;
  const values = new Float32Array(height * width).fill(ground);
  const canvas = el("canvas", {
    class: "sheet",
    tabindex: "0",
    style: `aspect-ratio: ${width} / ${height}`,
    role: "application",
    "aria-label": "Sheet. Arrow keys move the pen, the space bar draws.",
  });
  const cursor = { row: Math.floor(height / 2), column: Math.floor(width / 2) };
  const radius = Math.max(0.6, height / 24);

  function dab(row: number, column: number) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const strength = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(y + 0.5 - row, x + 0.5 - column)));
        const i = y * width + x;
        const inked = ground + strength * (ink - ground);
        values[i] = ink > ground ? Math.max(values[i], inked) : Math.min(values[i], inked);
      }
    }
    update();
  }

  function line(from: Place, to: Place) {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.row - from.row, to.column - from.column)));
    for (let i = 1; i <= steps; i++) {
      dab(
        from.row + (i / steps) * (to.row - from.row),
        from.column + (i / steps) * (to.column - from.column),
      );
    }
  }

  function update() {
    showImage(canvas, values, model.shape);
    model.chooseOwn(values.slice(), "drawn");
  }

  let last: Place | null = null;
  const place = (event: PointerEvent): Place => {
    const box = canvas.getBoundingClientRect();
    return {
      row: ((event.clientY - box.top) / box.height) * height,
      column: ((event.clientX - box.left) / box.width) * width,
    };
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    dab(last.row, last.column);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const to = place(event);
    line(last, to);
    last = to;
  });
  for (const end of ["pointerup", "pointercancel"] as const)
    canvas.addEventListener(end, () => (last = null));
  canvas.addEventListener("keydown", (event) => {
    const [down, across] = ARROWS[event.key] ?? [0, 0];
    if (event.key === " ") dab(cursor.row + 0.5, cursor.column + 0.5);
    else if (!down && !across) return;
    event.preventDefault();
    cursor.row = Math.max(0, Math.min(height - 1, cursor.row + down));
    cursor.column = Math.max(0, Math.min(width - 1, cursor.column + across));
    if (event.shiftKey) dab(cursor.row + 0.5, cursor.column + 0.5);
  });

  const dialog = el(
    "dialog",
    { class: "drawing", "aria-labelledby": "drawing-title" },
    el("h2", { id: "drawing-title" }, "Draw an image"),
    el(
      "p",
      {},
      "The network denoises while you draw. With the keyboard: arrows move, space draws, Shift and an arrow draw a line.",
    ),
    canvas,
    el(
      "div",
      { class: "buttons" },
      button("Clear", () => {
        values.fill(ground);
        update();
      }),
      button("Done", () => dialog.close(), { class: "main-button" }),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  showImage(canvas, values, model.shape);
  dialog.showModal();
  canvas.focus();
}

const medianOf = (values: Values) => Float32Array.from(values).sort()[values.length >> 1];
