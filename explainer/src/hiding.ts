// A network that was trained to find hidden pixels sees its images so that each pixel is hidden
// once: on one of sixteen grids, with the mean of those around it in its place.

import type { Shape, Values } from "./types";

const SPACING = 4;
const N_GRIDS = SPACING ** 2;

const isHidden = (y: number, x: number, grid: number) =>
  y % SPACING === Math.floor(grid / SPACING) && x % SPACING === grid % SPACING;

// An image (C, H, W) of which the pixels of one grid are hidden.
export function hidden(values: Values, [channels, height, width]: Shape, grid: number): Values {
  const result = Float32Array.from(values);
  // Reflection leaves out the pixel itself; a single row or column has only itself to repeat.
  const mirrors = Math.min(height, width) > 1;
  const inside = (i: number, length: number) =>
    i < 0 ? (mirrors ? 1 : 0) : i >= length ? (mirrors ? length - 2 : length - 1) : i;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (!isHidden(y, x, grid)) continue;
        let sum = 0;
        for (let down = -1; down <= 1; down++) {
          for (let across = -1; across <= 1; across++) {
            const weight = down === 0 && across === 0 ? 0 : down === 0 || across === 0 ? 2 : 1;
            sum +=
              weight * values[(c * height + inside(y + down, height)) * width + inside(x + across, width)];
          }
        }
        result[(c * height + y) * width + x] = sum / 12;
      }
    }
  }
  return result;
}

// What `find` makes of each pixel without having seen it.
export async function foundHidden(
  values: Values,
  shape: Shape,
  find: (given: Values) => Promise<Values>,
): Promise<Values> {
  const [channels, height, width] = shape;
  const result = new Float32Array(values.length);
  for (let grid = 0; grid < N_GRIDS; grid++) {
    const found = await find(hidden(values, shape, grid));
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const i = (c * height + y) * width + x;
          if (isHidden(y, x, grid)) result[i] = found[i];
        }
      }
    }
  }
  return result;
}
