// Elements of the page in one line each.

const SVG_TAGS = ["svg", "g", "path", "line", "circle", "rect", "polyline", "text"] as const;
type SvgTag = (typeof SVG_TAGS)[number];
type HtmlTag = keyof HTMLElementTagNameMap;

type Listeners = { [E in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[E]) => void };
type Attribute = string | number | boolean | null | undefined;
export interface Attributes {
  on?: Listeners;
  [name: string]: Attribute | Listeners;
}
type Child = Node | string | null | undefined | false;
type Children = (Child | Child[])[];

// An element with attributes and children. Keys of `on` are events; `null` and `false` are left out.
export function el<T extends SvgTag>(
  tag: T,
  attributes?: Attributes,
  ...children: Children
): SVGElementTagNameMap[T];
export function el<T extends HtmlTag>(
  tag: T,
  attributes?: Attributes,
  ...children: Children
): HTMLElementTagNameMap[T];
export function el(tag: string, attributes: Attributes = {}, ...children: Children): Element {
  const element = isSvg(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "object" && value !== null)
      for (const [event, listen] of Object.entries(value))
        element.addEventListener(event, listen as EventListener);
    else if (name === "style") element.style.cssText = String(value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, String(value));
  }
  const present = children.flat().filter((child) => child !== null && child !== undefined && child !== false);
  element.append(...present);
  return element;
}

const isSvg = (tag: string): tag is SvgTag => (SVG_TAGS as readonly string[]).includes(tag);

export const byId = (id: string): HTMLElement => document.getElementById(id)!;

// How far down and to the right an arrow key leads.
export const ARROWS: Record<string, [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

export const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function scrollTo(element: Element) {
  element.scrollIntoView({ behavior: prefersStill() ? "auto" : "smooth", block: "start" });
}

// A slider with its name and its value as text beside it.
export interface SliderOptions {
  id: string;
  label: string;
  min: number;
  max: number;
  step: number;
  value: number;
  text: (value: number) => string;
  onInput: (value: number) => void;
}
export interface Slider {
  row: HTMLElement;
  input: HTMLInputElement;
  show: (value: number) => void;
}

export function slider({ id, label, min, max, step, value, text, onInput }: SliderOptions): Slider {
  const output = el("output", { for: id, class: "slider-value" }, text(value));
  const input = el("input", {
    id,
    type: "range",
    min,
    max,
    step,
    value,
    "aria-valuetext": text(value),
    on: {
      input: () => {
        show(Number(input.value));
        onInput(Number(input.value));
      },
    },
  });
  function show(number: number) {
    input.value = String(number);
    output.textContent = text(number);
    input.setAttribute("aria-valuetext", text(number));
  }
  const row = el("div", { class: "slider" }, el("label", { for: id }, label), output, input);
  return { row, input, show };
}

export function button(label: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return el("button", { type: "button", on: { click: onClick }, ...attributes }, label);
}

// Whether a part of the page is seen, or nearly so, and what is to be done when it comes there.
export function sight(element: Element, onSeen: () => void): () => boolean {
  let isSeen = false;
  const observer = new IntersectionObserver(
    (entries) => {
      isSeen = entries.at(-1)!.isIntersecting;
      if (isSeen) onSeen();
    },
    { rootMargin: "150px 0px" },
  );
  observer.observe(element);
  return () => isSeen;
}

// A listener that waits while its part of the page is far from being seen, and then catches up.
export function whenSeen(element: Element, listener: () => void): () => void {
  let isDue = false;
  const isSeen = sight(element, () => {
    if (!isDue) return;
    isDue = false;
    listener();
  });
  return () => {
    if (isSeen()) listener();
    else isDue = true;
  };
}

// Tell those who hear the page what those who see it saw.
export function announce(text: string) {
  byId("live").textContent = text;
}
