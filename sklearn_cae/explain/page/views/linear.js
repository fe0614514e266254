// A value of a linear layer: the sum of all values before it, each times its weight.

import { el } from "../dom.js";
import { count, short } from "../format.js";
import { bars } from "./cells.js";

const MOST = 12;

export function linearParts(model, chosen) {
  const layer = model.layers[chosen.layer];
  const { weight, bias } = model.weights()[chosen.layer];
  const input = model.values[layer.inputs[0]];
  const place = el("div", { class: "linear" });

  function pixel(total) {
    const start = chosen.channel * input.length;
    const products = Array.from(input, (value, i) => ({
      i,
      value,
      weight: weight.values[start + i],
      product: value * weight.values[start + i],
    }));
    products.sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
    const rest = products.slice(MOST).reduce((sum, { product }) => sum + product, 0);
    place.replaceChildren(
      el("h3", {}, "each value before it, times its weight"),
      el(
        "p",
        { class: "step-says" },
        `The ${Math.min(MOST, products.length)} products of ${count(products.length)} that matter most.`,
      ),
      bars(
        [
          ...products
            .slice(0, MOST)
            .map((p) => ({ label: `${short(p.value)} × ${short(p.weight)}`, value: p.product })),
          ...(products.length > MOST
            ? [{ label: `${count(products.length - MOST)} others`, value: rest }]
            : []),
          ...(bias ? [{ label: "bias", value: bias.values[chosen.channel] }] : []),
        ],
        { label: "the value", value: total },
      ),
    );
  }

  return { element: place, pixel };
}
