import { expect, test } from "vitest";
import { between, movedTo, placesOf } from "../src/codes";

const codes = {
  nAxes: 2,
  mean: Float32Array.of(1, 1, 1),
  axes: Float32Array.of(1, 0, 0, 0, 1, 0),
  deviations: [2, 4],
};

test("places along the axes are in standard deviations from the mean", () => {
  expect(placesOf(Float32Array.of(5, 9, 3), codes)).toEqual([2, 2]);
});

test("a code that moves along an axis keeps what lies beside the axes", () => {
  const code = Float32Array.of(5, 9, 3);
  expect(Array.from(movedTo(code, [2, 2], [0, 2], codes))).toEqual([1, 9, 3]);
});

test("halfway between two codes is their mean", () => {
  expect(between(Float32Array.of(0, 2), Float32Array.of(4, 4), 0.5)).toEqual(Float32Array.of(2, 3));
});
