// A picture over another one, uncovered by a slider; see "compare" in index.rst and compare.css.
for (const figure of document.querySelectorAll(".compare")) {
  const slider = figure.querySelector("input[type=range]");
  const before = figure.querySelector(".compare-before");
  const label = figure.querySelector(".compare-name");
  const move = () => figure.style.setProperty("--share", slider.value / 100);
  slider.addEventListener("input", move);
  move();
  for (const choice of figure.querySelectorAll("input[type=radio]")) {
    const show = () => {
      if (!choice.checked) return;
      before.src = choice.value;
      label.textContent = choice.dataset.name;
    };
    choice.addEventListener("change", show);
    show(); // a browser may keep the choice when the page is opened again
  }
}
