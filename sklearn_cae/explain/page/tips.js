// The explanation of a term, shown beside it while it is pointed at, focused or tapped.

import { el } from "./dom.js";
import { GLOSSARY } from "./words.js";

export function startTips() {
  const tip = el("div", { id: "tip", role: "tooltip", class: "tip", hidden: true });
  document.body.append(tip);
  let owner = null;

  function show(target) {
    const [name, text] = GLOSSARY[target.dataset.term];
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

  const termOf = (event) => event.target.closest?.(".term");
  document.addEventListener("pointerover", (event) => {
    if (termOf(event)) show(termOf(event));
    else if (owner && owner !== document.activeElement && !event.target.closest?.("#tip")) hide();
  });
  document.addEventListener("focusin", (event) => (termOf(event) ? show(termOf(event)) : hide()));
  document.addEventListener("click", (event) => (termOf(event) ? show(termOf(event)) : hide()));
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
}
