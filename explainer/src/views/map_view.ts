// One map, enlarged, with marks on it; its pixels can be pointed at, or reached by the arrow keys.

import { ARROWS, el } from "../dom";
import { showPixels } from "../draw";

export interface Rectangle {
  top: number;
  left: number;
  height?: number;
  width?: number;
}

interface Options {
  label: string;
  onPick?: (y: number, x: number) => void;
  size?: "" | "big" | "kernel" | "patch";
}

export interface MapView {
  element: HTMLElement;
  show: (pixels: ImageData) => void;
  mark: (rectangles: Rectangle[]) => void;
}

export function mapView({ label, onPick, size = "" }: Options): MapView {
  const canvas = el("canvas", {
    role: onPick ? "application" : "img",
    "aria-label": label,
    tabindex: onPick ? "0" : null,
  });
  const marks = el("span", { class: "marks", "aria-hidden": "true" });
  const element = el("div", { class: `map-view ${size}` }, canvas, marks);
  let [height, width] = [1, 1];
  let picked = { y: 0, x: 0 };

  if (onPick) {
    const pick = (event: PointerEvent) => {
      const box = canvas.getBoundingClientRect();
      const y = Math.floor(((event.clientY - box.top) / box.height) * height);
      const x = Math.floor(((event.clientX - box.left) / box.width) * width);
      if (y >= 0 && x >= 0 && y < height && x < width && (y !== picked.y || x !== picked.x)) onPick(y, x);
    };
    canvas.addEventListener("pointermove", pick);
    canvas.addEventListener("pointerdown", pick);
    canvas.addEventListener("keydown", (event) => {
      const [down, across] = ARROWS[event.key] ?? [0, 0];
      if (!down && !across) return;
      event.preventDefault();
      const y = Math.max(0, Math.min(height - 1, picked.y + down));
      onPick(y, Math.max(0, Math.min(width - 1, picked.x + across)));
    });
  }

  return {
    element,
    show(pixels) {
      [height, width] = [pixels.height, pixels.width];
      showPixels(canvas, pixels);
      canvas.style.aspectRatio = `${width} / ${height}`;
      element.classList.toggle("single", width === 1 && height === 1 && size === "big");
    },
    // Rectangles in pixels of the map; the first is where the arrow keys start from.
    mark(rectangles) {
      if (onPick && rectangles.length) picked = { y: rectangles[0].top, x: rectangles[0].left };
      marks.replaceChildren(
        ...rectangles.map(({ top, left, height: tall = 1, width: wide = 1 }) =>
          el("span", {
            style: `top:${(100 * top) / height}%;left:${(100 * left) / width}%;height:${(100 * tall) / height}%;width:${(100 * wide) / width}%`,
          }),
        ),
      );
    },
  };
}
