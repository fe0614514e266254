// A value of a linear layer: the sum of all values before it, each times its weight.

import { el } from "../dom";
import { count, short } from "../format";
import type { Chosen, Model } from "../types";
import type { Parts } from "./apart";
import { bars } from "./cells";

const MOST = 12;

export function linearParts(model: Model, chosen: Chosen, channel: number): Parts {
  const layer = model.layers[chosen.layer];
  const { weight, bias } = model.weights()[chosen.layer];
  const values = weight!.values;
  const input = model.values[layer.inputs[0]];
  const place = el("div", { class: "linear" });

  function pixel(total: number) {
    const start = channel * input.length;
    const products = Array.from(input, (value, i) => ({
      i,
      value,
      weight: values[start + i],
      product: value * values[start + i],
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
          ...(bias ? [{ label: "bias", value: bias.values[channel] }] : []),
        ],
        { label: "the value", value: total },
      ),
    );
  }

  return { element: place, pixel };
}
