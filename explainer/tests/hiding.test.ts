import { expect, test } from "vitest";
import { foundHidden, hidden } from "../src/hiding";
import { floats, random } from "./values";

test("a hidden pixel is the mean of those around it, the nearest twice", () => {
  const values = floats(1, 2, 1, 2, 9, 2, 1, 2, 1);
  // The pixel in the middle lies on the grid of row 1, column 1.
  expect(hidden(values, [1, 3, 3], 5)[4]).toBeCloseTo((4 * 1 + 2 * 4 * 2) / 12);
});

test("the pixels of other grids stay as they are", () => {
  const values = random(2 * 8 * 8, 1);
  const changed = hidden(values, [2, 8, 8], 0).filter((value, i) => value !== values[i]);
  expect(changed.length).toBe(2 * 4);
});

test("each pixel is found once without having been seen", async () => {
  const values = random(5 * 6, 2);
  const seen: boolean[] = [];
  const found = await foundHidden(values, [1, 5, 6], async (given) => {
    given.forEach((value, i) => (seen[i] ||= value !== values[i]));
    return given;
  });
  expect(seen.every(Boolean)).toBe(true);
  expect([...found].every((value, i) => value !== values[i])).toBe(true);
});
