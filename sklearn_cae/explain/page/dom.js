// Elements of the page in one line each.

// An element with attributes and children. Keys of `on` are events; `null` and `false` are left out.
export function el(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on")
      for (const [event, listen] of Object.entries(value)) element.addEventListener(event, listen);
    else if (name === "style") element.style.cssText = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

const SVG_TAGS = new Set(["svg", "g", "path", "line", "circle", "rect", "polyline", "text"]);

export const byId = (id) => document.getElementById(id);

export const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function scrollTo(element) {
  element.scrollIntoView({ behavior: prefersStill() ? "auto" : "smooth", block: "start" });
}

// A slider with its name and its value as text beside it.
export function slider({ id, label, min, max, step, value, text, onInput, help }) {
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
  function show(number) {
    input.value = number;
    output.textContent = text(number);
    input.setAttribute("aria-valuetext", text(number));
  }
  const row = el(
    "div",
    { class: "slider" },
    el("label", { for: id }, label, help ? [" ", help] : []),
    output,
    input,
  );
  return { row, input, show };
}

export function button(label, onClick, attributes = {}) {
  return el("button", { type: "button", on: { click: onClick }, ...attributes }, label);
}

// A listener that waits while its part of the page is far from being seen, and then catches up.
export function whenSeen(element, listener) {
  let isSeen = false;
  let isDue = false;
  const observer = new IntersectionObserver(
    (entries) => {
      isSeen = entries.at(-1).isIntersecting;
      if (isSeen && isDue) {
        isDue = false;
        listener();
      }
    },
    { rootMargin: "150px 0px" },
  );
  observer.observe(element);
  return () => {
    if (isSeen) listener();
    else isDue = true;
  };
}

// Tell those who hear the page what those who see it saw.
export function announce(text) {
  byId("live").textContent = text;
}
