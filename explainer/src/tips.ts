// The explanation of a term, shown beside it while it is pointed at, focused or tapped.

import { el } from "./dom";
import { GLOSSARY } from "./words";

export function startTips() {
  const tip = el("div", { id: "tip", role: "tooltip", class: "tip", hidden: true });
  document.body.append(tip);
  let owner: HTMLElement | null = null;

  function show(target: HTMLElement) {
    const [name, text] = GLOSSARY[target.dataset.term!];
    owner?.removeAttribute("aria-describedby");
    owner = target;
    tip.replaceChildren(el("strong", {}, name), ` ${text}`);
    tip.hidden = false;
    target.setAttribute("aria-describedby", "tip");
    const at = target.getBoundingClientRect();
    const width = tip.offsetWidth;
    const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - width - 8));
    const isBelow = at.bottom + tip.offsetHeight + 12 < window.innerHeight;
    tip.style.left = `${left + window.scrollX}px`;
    tip.style.top = `${(isBelow ? at.bottom + 6 : at.top - tip.offsetHeight - 6) + window.scrollY}px`;
  }

  function hide() {
    tip.hidden = true;
    owner?.removeAttribute("aria-describedby");
    owner = null;
  }

  const around = (event: Event, selector: string) =>
    (event.target as Element).closest?.<HTMLElement>(selector) ?? null;
  const follow = (event: Event) => {
    const target = around(event, ".term");
    if (target) show(target);
    else hide();
  };
  document.addEventListener("pointerover", (event) => {
    const target = around(event, ".term");
    if (target) show(target);
    else if (owner && owner !== document.activeElement && !around(event, "#tip")) hide();
  });
  document.addEventListener("focusin", follow);
  document.addEventListener("click", follow);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}
