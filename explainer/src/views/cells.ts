// Small tables of numbers on the colours that stand for them.

import { colourOf, type Scale } from "../colour";
import { el } from "../dom";
import { short } from "../format";

export interface Cell {
  value: number;
  isOutside?: boolean;
  isStrong?: boolean;
}

export interface Bar {
  label: string;
  value: number;
  onClick?: () => void;
  isChosen?: boolean;
}

// `label` is what a screen reader says.
export function cellTable(cells: Cell[], columns: number, scale: Scale, label: string): HTMLElement {
  return el(
    "div",
    {
      class: "cells",
      style: `grid-template-columns: repeat(${columns}, auto)`,
      role: "img",
      "aria-label": `${label}: ${cells.map(({ value }) => short(value)).join(", ")}`,
    },
    cells.map(({ value, isOutside = false, isStrong = false }) => {
      const { colour, isLight } = colourOf(value, scale);
      return el(
        "span",
        {
          class: `cell${isOutside ? " outside" : ""}${isStrong ? " strong" : ""}`,
          style: isOutside ? "" : `background:${colour};color:${isLight ? "#111" : "#fff"}`,
        },
        short(value),
      );
    }),
  );
}

// Bars to the left and to the right of zero.
export function bars(rows: Bar[], total: Bar): HTMLElement {
  const largest = Math.max(...rows.map(({ value }) => Math.abs(value)), Math.abs(total.value), 1e-12);
  const bar = ({ label, value, onClick, isChosen = false }: Bar, kind = "") => {
    const share = (50 * Math.abs(value)) / largest;
    const fill = el("span", {
      class: `bar-fill ${value < 0 ? "negative" : "positive"}`,
      style: `width:${share}%;${value < 0 ? `right:50%` : "left:50%"}`,
    });
    return el(
      "li",
      { class: `bar ${kind}`, "aria-current": isChosen ? "true" : null },
      onClick
        ? el("button", { type: "button", class: "bar-label", on: { click: onClick } }, label)
        : el("span", { class: "bar-label" }, label),
      el("span", { class: "bar-track", "aria-hidden": "true" }, fill),
      el("span", { class: "bar-value" }, short(value)),
    );
  };
  return el(
    "ul",
    { class: "bars" },
    rows.map((row) => bar(row)),
    bar(total, "total"),
  );
}
