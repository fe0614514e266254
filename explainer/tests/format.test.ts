import { expect, test } from "vitest";
import { short, signed, sizeOf } from "../src/format";

test("numbers are short and have a proper minus", () => {
  const numbers = [0, 1.234, -12.34, 123.4, 0.0012, -0.0001];
  expect(numbers.map(short)).toEqual(["0", "1.23", "−12.3", "123", "0.001", "0.000"]);
  expect(signed(0.5)).toBe("+0.50");
});

test("sizes tell maps from values", () => {
  expect(sizeOf([16])).toBe("16 values");
  expect(sizeOf([1, 8, 4])).toBe("1 map of 8\u00a0×\u00a04");
});
