// Lines between the stages: a few of those that carry most, and all those of a map that is pointed at.

import { el } from "../dom";
import { asMaps } from "../tensor/apart";
import type { Model } from "../types";
import type { Column, Placed, StageColumn } from "./overview";

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

const MOST = 3; // lines to each map
const BAND = 10; // distance of the lines above the maps

export function drawLines(
  svg: SVGSVGElement,
  frame: HTMLElement,
  model: Model,
  ends: Column[],
  columns: StageColumn[],
  error: Column,
) {
  const skips = columns.flatMap((column, i) =>
    skipsTo(model, column, columns, ends, i).map((from) => ({ from, to: column })),
  );
  skips.reverse(); // those to later stages come from earlier ones
  frame.style.setProperty("--band", `${8 + BAND * skips.length}px`);
  svg.replaceChildren();
  if (frame.classList.contains("in-column")) return;
  // From the right edge of a column to the left edge of another, at the heights of a map in each.
  const curve = (from: Box, to: Box, kind: string, fromPlace?: Placed, toPlace?: Placed) => {
    const start = { x: from.left + from.width, y: heightOf(from, fromPlace) };
    const end = { x: to.left, y: heightOf(to, toPlace) };
    const middle = (start.x + end.x) / 2;
    return el("path", {
      class: kind,
      d: `M${start.x} ${start.y}C${middle} ${start.y} ${middle} ${end.y} ${end.x} ${end.y}`,
    });
  };
  const box = ({ canvas }: Column) => boxWithin(frame, canvas);
  const before: Column[] = [ends[1], ...columns.slice(0, -1)];
  svg.append(curve(box(ends[0]), box(ends[1]), "line"));
  columns.forEach((column, i) => {
    const strengths = strengthsOf(model, column, before[i]);
    const group = el("g");
    const paint = () => {
      const [left, right] = [box(before[i]), box(column)];
      group.replaceChildren();
      // Many lines are fainter, so that they do not close to a surface.
      group.style.setProperty("--faint", String(Math.max(0.04, Math.min(0.3, 8 / column.places.length))));
      // Where no kernel tells how much each map weighs, one line stands for all.
      if (!strengths) return group.append(curve(left, right, "line"));
      for (const place of column.places) {
        const isChosen = column.chosen === place.channel;
        const strong = strongest(strengths, place.channel, before[i].places, isChosen ? 24 : MOST);
        for (const from of strong) {
          group.append(curve(left, right, isChosen ? "line chosen" : "line", from, place));
        }
      }
    };
    column.onChoose = paint;
    paint();
    svg.append(group);
  });
  svg.append(curve(box(columns.at(-1)!), box(error), "line"));
  skips.forEach((skip, i) => svg.append(bridge(skip, i, frame)));
}

// How much each map of the stage before weighs for each map: the size of the kernel between them.
type Strengths = (to: number, from: number) => number;

function strengthsOf(model: Model, column: StageColumn, before: Column): Strengths | null {
  const first = column.stage.layers
    .map((i) => model.layers[i])
    .find(({ kind }) => kind === "convolution" || kind === "linear");
  const weight = first && model.weights()[model.layers.indexOf(first)].weight;
  if (!weight || first.kind !== "convolution" || first.options.groups !== 1) return null;
  const known = before.last === undefined ? model.shape[0] : asMaps(model.layers[before.last].shape)[0];
  const [, inputs, height, width] = weight.shape;
  // Beyond those of the stage before come those that were handed over.
  if (inputs < known) return null;
  return (to, from) => {
    if (to >= weight.shape[0]) return 0;
    let size = 0;
    const start = (to * inputs + from) * height * width;
    for (let i = start; i < start + height * width; i++) size += Math.abs(weight.values[i]);
    return size;
  };
}

function strongest(strengths: Strengths, to: number, places: Placed[], n: number): Placed[] {
  return [...places].sort((a, b) => strengths(to, b.channel) - strengths(to, a.channel)).slice(0, n);
}

// Stages whose maps are handed over to this one, past those between them.
function skipsTo(
  model: Model,
  column: StageColumn,
  columns: StageColumn[],
  ends: Column[],
  i: number,
): Column[] {
  const own = new Set(column.stage.layers);
  const from = new Set<number>();
  for (const at of own) {
    for (const input of model.layers[at].inputs) {
      if (own.has(input)) continue;
      const stage = input === 0 ? -1 : columns.findIndex(({ stage }) => stage.layers.includes(input));
      if (stage < i - 1) from.add(stage);
    }
  }
  return [...from].map((stage) => (stage < 0 ? ends[1] : columns[stage]));
}

// A line above the maps, the widest on top.
function bridge({ from, to }: { from: Column; to: Column }, i: number, frame: HTMLElement): SVGPathElement {
  const [one, other] = [from, to].map(({ canvas }) => boxWithin(frame, canvas));
  const [x0, x1] = [one, other].map(({ left, width }) => left + width / 2);
  const captions = boxWithin(frame, frame.querySelector("figcaption")!);
  const top = captions.top + captions.height + 10 + BAND * i;
  const r = 6;
  return el("path", {
    class: "line skip",
    d: `M${x0} ${one.top}V${top + r}Q${x0} ${top} ${x0 + r} ${top}H${x1 - r}Q${x1} ${top} ${x1} ${top + r}V${other.top}`,
  });
}

// The middle of a map, or that of its column where nothing tells where it lies.
const heightOf = (box: Box, place?: Placed) =>
  place?.height === undefined ? box.top + box.height / 2 : box.top + place.top! + place.height / 2;

// Where an element lies in the frame.
function boxWithin(frame: HTMLElement, element: Element): Box {
  const [outer, inner] = [frame, element].map((part) => part.getBoundingClientRect());
  return {
    left: inner.left - outer.left,
    top: inner.top - outer.top,
    width: inner.width,
    height: inner.height,
  };
}
