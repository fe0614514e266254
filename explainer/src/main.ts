// The page: what Python wrote into it, the network that runs, and the parts that show it.

import { unpacked } from "./data";
import { byId, el, scrollTo } from "./dom";
import { createEngine } from "./engine";
import { count, decibels, plural, short } from "./format";
import { createModel } from "./model";
import { codeLengthOf, codeSays, leadSays, noiseSays, wholeSays } from "./sentences";
import { startTips } from "./tips";
import type { Model } from "./types";
import { startApart } from "./views/apart";
import { startCode } from "./views/code";
import { startLearn } from "./views/learn";
import { startNoise } from "./views/noise";
import { startOverview } from "./views/overview";
import { startStrip } from "./views/strip";
import { glossary, prose } from "./words";

declare global {
  interface Window {
    explainer: { model: Model; ready: Promise<void> };
  }
}

const data = unpacked(byId("data").textContent);
const { layers, code } = data.network;
const model = createModel(data, createEngine({ layers, code }, data.states));

const codeLength = codeLengthOf(data);

interface Part {
  id: string;
  nav: string;
  title: string;
  place: string;
  says: string;
  // Gives false where the network has nothing for this part.
  start: (model: Model) => boolean | void;
}

const PARTS: Part[] = [
  {
    id: "whole",
    nav: "See it whole",
    title: "The whole network",
    place: "network-place",
    start: startOverview,
    says: wholeSays(data),
  },
  {
    id: "noise",
    nav: "Turn the noise",
    title: "Turn the noise",
    place: "noise-place",
    start: startNoise,
    says: noiseSays(data),
  },
  {
    id: "apart",
    nav: "Take a value apart",
    title: "Take a value apart",
    place: "apart-place",
    start: startApart,
    says: "Every number in the network is made of others by a few products and sums. Choose a layer, a map and a place in it, and see how the number there comes about.",
  },
  {
    id: "code",
    nav: "Move through the code",
    title: "Move through the code",
    place: "code-place",
    start: startCode,
    says: codeSays(data),
  },
  {
    id: "learn",
    nav: "Watch it learn",
    title: "Watch it learn",
    place: "learn-place",
    start: startLearn,
    says: "These are the weights of this network during its training. Go back, and all of this page shows what it could do then. An *epoch* is one pass over all training images.",
  },
  {
    id: "words",
    nav: "Words",
    title: "Words",
    place: "words-place",
    start: () => byId("words-place").append(glossary()),
    says: "What each word on this page means. They are underlined where they stand; point at them or tap them.",
  },
];

build();

function build() {
  byId("top").append(
    el("h1", {}, data.title),
    el("p", { class: "lead" }, ...prose(leadSays(data))),
    el(
      "dl",
      { class: "facts" },
      fact("network", data.network.name, data.network.description),
      fact(
        "image",
        `${data.images.shape[1]} × ${data.images.shape[2]}${data.images.shape[0] > 1 ? ` × ${data.images.shape[0]}` : ""}`,
      ),
      fact("weights", count(data.network.nWeights)),
      codeLength !== null && fact("code", plural(codeLength, "number")),
      fact("products for an image", millions(data.network.nProducts)),
      ...qualityFacts(),
    ),
  );
  for (const { id, title, place, says, start, nav } of PARTS) {
    const section = el(
      "section",
      { id, "aria-labelledby": `${id}-title` },
      el("h2", { id: `${id}-title` }, title),
      el("p", { class: "lead" }, ...prose(says)),
      el("div", { id: place }),
    );
    byId("main").append(section);
    if (start(model) === false) section.remove();
    else byId("sections").append(el("a", { href: `#${id}` }, nav));
  }
  startStrip(model);
  startTips();
  byId("foot").append(
    el(
      "p",
      {},
      `Made by sklearn_cae ${data.version}. All of it is in this file: nothing is loaded, nothing is sent.`,
    ),
    data.guide
      ? el(
          "p",
          {},
          el("a", { href: data.guide, target: "_blank", rel: "noreferrer" }, "The guide to this page"),
        )
      : "",
  );
  followLinks();
  markSections();
  model.change({});
  // For those who want more than the page shows, in the console of the browser.
  window.explainer = { model, ready: model.finished() };
}

function fact(name: string, value: string, title?: string): HTMLElement {
  return el("div", { title }, el("dt", {}, name), el("dd", {}, value));
}

function millions(n: number): string {
  return n >= 1e6 ? `${short(n / 1e6)} million` : count(n);
}

function qualityFacts(): HTMLElement[] {
  const last = (name: string) => data.curves[name]?.filter((v) => v !== null).at(-1);
  const [denoised, noisy] = [last("valid_psnr"), last("noisy_psnr")];
  return denoised === undefined
    ? []
    : [
        fact(
          "PSNR of images held out",
          noisy === undefined ? decibels(denoised) : `${decibels(noisy)} → ${decibels(denoised)}`,
        ),
      ];
}

// In the frame of a notebook a link to a part of the page would lead to the page around it.
function followLinks() {
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a[href^='#']");
    if (!link) return;
    event.preventDefault();
    const target = document.querySelector<HTMLElement>(link.getAttribute("href")!)!;
    scrollTo(target);
    target.setAttribute("tabindex", "-1");
    target.focus({ preventScroll: true });
  });
}

function markSections() {
  const links = [...byId("sections").children];
  const seen = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const link = links.find((one) => one.getAttribute("href") === `#${target.id}`);
        if (isIntersecting) link?.setAttribute("aria-current", "true");
        else link?.removeAttribute("aria-current");
      }
    },
    { rootMargin: "-40% 0px -55% 0px" },
  );
  for (const section of document.querySelectorAll("main > section")) seen.observe(section);
}
