import { expect, test } from "vitest";
import { createModel } from "../src/model";
import type { Data, Job } from "../src/types";
import { floats } from "./values";

const image = floats(0.25, 0.75);

// A network of one layer, which gives back what it is given.
function made(changes: Partial<Data> = {}) {
  const data = {
    network: { layers: [], stages: [], hides: false },
    images: { shape: [1, 1, 2], list: [image], labels: null },
    noise: null,
    states: [],
    unitLimits: [0, 1],
    limits: null,
    bounded: true,
    ...changes,
  } as unknown as Data;
  const jobs: Job[] = [];
  const run = async (job: Job) => {
    jobs.push(job);
    return { values: [job.given], milliseconds: 1 };
  };
  return { model: createModel(data, { run }), jobs };
}

const quiet = { kind: "gaussian", level: 0, seed: 1 } as const;

test("without noise an image that comes back as it was is equal to the clean one", async () => {
  const { model } = made();
  model.change({ noise: quiet });
  await model.finished();
  expect(model.denoised).toEqual(image);
  expect(model.psnr.denoised).toBe(Infinity);
});

test("of many changes while the network computes only the newest is computed", async () => {
  const { model, jobs } = made();
  const levels: number[] = [];
  model.listen(({ shown }) => levels.push(shown.noise.level));
  for (const level of [0.1, 0.2, 0.3, 0.4]) model.change({ noise: { ...quiet, level } });
  await model.finished();
  expect(levels).toEqual([0.1, 0.4]);
  expect(jobs.length).toBe(2);
});

test("normalisation is folded until a part of the page needs every layer", async () => {
  const { model, jobs } = made();
  model.change({ noise: quiet });
  await model.finished();
  model.needsEveryLayer = () => true;
  model.change({});
  await model.finished();
  expect(jobs.map(({ isFolded }) => isFolded)).toEqual([true, false]);
});

test("the network sees values within the limits of its training", async () => {
  const { model, jobs } = made({ limits: [0.5, 1] });
  model.change({ noise: quiet });
  await model.finished();
  expect([...jobs[0].given]).toEqual([0.5, 0.75]);
});

test("where the range is not fixed, what the network did not see is added to what it gives", async () => {
  const { model } = made({ limits: [0.5, 1], bounded: false });
  model.change({ noise: quiet });
  await model.finished();
  expect([...model.denoised]).toEqual([0.25, 0.75]);
});
