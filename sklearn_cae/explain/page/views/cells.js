// Small tables of numbers on the colours that stand for them.

import { colourOf } from "../colour.js";
import { el } from "../dom.js";
import { short } from "../format.js";

// `cells` are {value, isOutside, isStrong}; `label` is what a screen reader says.
export function cellTable(cells, columns, scale, label) {
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
export function bars(rows, total) {
  const largest = Math.max(...rows.map(({ value }) => Math.abs(value)), Math.abs(total.value), 1e-12);
  const bar = ({ label, value, onClick = null, isChosen = false }, kind = "") => {
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
