import assert from "node:assert/strict";
import test from "node:test";

import { between, movedTo, placesOf } from "../../sklearn_cae/explain/page/codes.js";
import { short, signed, sizeOf } from "../../sklearn_cae/explain/page/format.js";

const codes = {
  nAxes: 2,
  mean: Float32Array.of(1, 1, 1),
  axes: Float32Array.of(1, 0, 0, 0, 1, 0),
  deviations: [2, 4],
};

test("places along the axes are in standard deviations from the mean", () => {
  assert.deepEqual(placesOf(Float32Array.of(5, 9, 3), codes), [2, 2]);
});

test("a code that moves along an axis keeps what lies beside the axes", () => {
  const code = Float32Array.of(5, 9, 3);
  assert.deepEqual(Array.from(movedTo(code, [2, 2], [0, 2], codes)), [1, 9, 3]);
});

test("halfway between two codes is their mean", () => {
  assert.deepEqual(Array.from(between(Float32Array.of(0, 2), Float32Array.of(4, 4), 0.5)), [2, 3]);
});

test("numbers are short and have a proper minus", () => {
  assert.deepEqual([0, 1.234, -12.34, 123.4, 0.0012, -0.0001].map(short), [
    "0",
    "1.23",
    "−12.3",
    "123",
    "0.001",
    "0.000",
  ]);
  assert.equal(signed(0.5), "+0.50");
});

test("sizes tell maps from values", () => {
  assert.equal(sizeOf([16]), "16 values");
  assert.equal(sizeOf([1, 8, 4]), "1 map of 8\u00a0×\u00a04");
});
