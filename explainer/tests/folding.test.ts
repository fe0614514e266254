import { expect, test } from "vitest";
import { lengthOf } from "../src/tensor/layers";
import { createRunner } from "../src/tensor/network";
import type { Layer, LayerWeights, Shape, Step } from "../src/types";
import { expectClose, random } from "./values";

const SHAPE = [5, 6, 7];
const states: number[][] = [[], []];

// A layer whose weights are drawn anew for each state; those that are variances are not negative.
function layer(step: Step, inputs: number[], shapes: Partial<Record<keyof LayerWeights, Shape>> = {}): Layer {
  const weights: Layer["weights"] = {};
  for (const [role, shape] of Object.entries(shapes) as [keyof LayerWeights, Shape][]) {
    weights[role] = { start: states[0].length, shape };
    for (const [i, state] of states.entries()) {
      const drawn = random(lengthOf(shape), state.length + 1000 * i);
      state.push(...(role === "variance" ? drawn.map((value) => value + 1) : drawn));
    }
  }
  return { ...step, inputs, name: "", weights, nWeights: 0 };
}

function convolution(input: number, nInputs: number, hasBias: boolean): Layer {
  const options = {
    stride: [1, 1] as [number, number],
    padding: [1, 1] as [number, number],
    dilation: [1, 1] as [number, number],
    groups: 1,
  };
  const shapes = { weight: [5, nInputs, 3, 3], ...(hasBias ? { bias: [5] } : {}) };
  return layer({ kind: "convolution", options, shape: SHAPE }, [input], shapes);
}

function normalization(input: number, isScaled = true): Layer {
  const shapes = { mean: [5], variance: [5], ...(isScaled ? { weight: [5], bias: [5] } : {}) };
  return layer({ kind: "normalization", options: { eps: 1e-3 }, shape: SHAPE }, [input], shapes);
}

const layers = [
  layer({ kind: "input", options: {}, shape: [3, 6, 7] }, []),
  convolution(0, 3, true),
  normalization(1),
  layer({ kind: "relu", options: {}, shape: SHAPE }, [2]),
  convolution(3, 5, false), // the code
  normalization(4, false),
  convolution(5, 5, false),
  normalization(6, false),
  convolution(7, 5, true), // is read twice
  normalization(8),
  layer({ kind: "sum", options: {}, shape: SHAPE }, [8, 9]),
];
const run = createRunner(
  { layers, code: 4 },
  states.map((state) => Float32Array.from(state)),
);
const given = random(3 * 6 * 7, 5);

test.each([0, 1])("folded normalisation gives the same values, in state %i", (state) => {
  const single = run({ given, state }).values;
  const folded = run({ given, state, isFolded: true }).values;
  for (const [i, values] of folded.entries()) if (values) expectClose(values, single[i], 1e-5);
  expectClose(run({ given, state, onlyOutput: true }).values[0], single.at(-1)!, 1e-5);
});

test("only convolutions that nothing else reads are folded, and never the code", () => {
  const { values } = run({ given, isFolded: true });
  expect([...values.keys()].filter((i) => !values[i])).toEqual([1, 6]);
  expect(run({ given }).values.every(Boolean)).toBe(true);
});

test("from a code folded normalisation gives the same output", () => {
  const code = random(lengthOf(SHAPE), 7);
  const single = run({ given: code, start: 4 }).values;
  expectClose(run({ given: code, start: 4, onlyOutput: true }).values[0], single.at(-1)!, 1e-5);
});
