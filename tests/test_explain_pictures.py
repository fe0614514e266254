"""Pictures of the parts of the page against those that were looked at.

A picture is kept at a quarter of its size, where the rounding of another computer is not seen, and
text has the font of matplotlib. ``NEW_PICTURES=1`` writes those of now: look at them before they
are kept.
"""

import base64
import functools
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib.font_manager
import numpy as np
import pytest
from browser import open_browser
from PIL import Image
from sklearn.datasets import load_digits

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise, UNet
from sklearn_cae.callbacks import WeightHistory
from sklearn_cae.explain import explain_html

KEPT = Path(__file__).parent / "baseline" / "explain"
SCALE = 4
# Sides of a picture in pixels of the page may differ by so much.
SIDES = 12
# Largest difference in a square of 8 x 8 pixels of the pictures that are kept, of 255.
LARGEST = 12


class View(NamedTuple):
    """What is seen of a page, after something was done."""

    seen: str
    page: str = "autoencoder"
    width: int = 1200
    colours: str = "light"
    act: Callable = lambda page: None


def sweep(page):
    page.click("#sweep")
    page.wait_for_selector("#sweep:not([disabled])")


def layer(kind):
    """Takes apart the last layer of a kind."""
    last = f"m.layers.findLastIndex((layer) => layer.kind === '{kind}')"
    return lambda page: page.evaluate(f"((m) => m.openLayer({last}, 1))(explainer.model)")


VIEWS = {
    "strip": View("#strip"),
    "network": View("#network-place"),
    "network-dark": View("#network-place", colours="dark"),
    "network-narrow": View("#network-place", width=390),
    "network-skips": View("#network-place", page="unet"),
    "network-tight": View("#network-place", page="unet", width=900),
    "noise": View("#noise-place", act=sweep),
    "noise-narrow": View("#noise-place", width=390, act=sweep),
    "convolution": View("#apart-place", act=layer("convolution")),
    "relu": View("#apart-place", act=layer("relu")),
    "code": View("#code-place"),
    "learn": View("#learn-place"),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    images, labels = load_digits(return_X_y=True)
    digits, labels = images[:120].reshape(-1, 8, 8).astype(np.float32) / 16, labels[:120]
    options = {"noise": GaussianNoise((0.1, 0.3)), "for_codes": True, "random_state": 0}
    networks = {"autoencoder": Autoencoder((8, 12)), "unet": UNet((4, 8))}
    folder = tmp_path_factory.mktemp("pages")
    for name, network in networks.items():
        history = WeightHistory()
        cae = DenoisingCAE(network, max_epochs=3, callbacks=[history], **options).fit(digits)
        explain_html(cae, digits, folder / f"{name}.html", y=labels, history=history)
    return folder


@pytest.fixture(scope="module")
def browser():
    yield from open_browser()


@pytest.fixture(scope="module")
def views(browser, pages):
    """Opens a view once; gives the page in the browser."""
    font = Path(matplotlib.font_manager.findfont("DejaVu Sans")).read_bytes()

    @functools.cache
    def opened(name):
        seen, file, width, colours, act = VIEWS[name]
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=colours, reduced_motion="reduce"
        )
        page.goto((pages / f"{file}.html").as_uri())
        page.evaluate(FONT, base64.b64encode(font).decode())
        page.add_style_tag(content=STYLE)
        page.evaluate("explainer.ready")
        page.locator(seen).scroll_into_view_if_needed()
        act(page)
        at_rest(page, seen)
        return page

    return opened


FONT = """async (text) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  document.fonts.add(await new FontFace("everywhere", bytes.buffer).load());
}"""
# What was computed is drawn in the next frame.
DRAWN = """async () => {
  await explainer.model.finished();
  for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
}"""
# The time that the network took is another each time; the strip would lie upon other parts.
STYLE = """
  * { font-family: everywhere !important; font-weight: normal !important; }
  .time { display: none; }
  #strip { position: static !important; }
"""


def at_rest(page, seen):
    """Wait until three pictures that follow each other are the same."""
    before, n_equal = picture(page, seen), 0
    for _ in range(60):
        page.wait_for_timeout(150)
        page.evaluate(DRAWN)
        now = picture(page, seen)
        n_equal = n_equal + 1 if difference(now, before) < 1 else 0
        if n_equal == 2:
            return
        before = now
    raise AssertionError(f"{seen} never comes to rest")


def picture(page, seen):
    """A part of the page as it is kept."""
    return Image.open(io.BytesIO(page.locator(seen).screenshot())).convert("RGB").reduce(SCALE)


def difference(found, kept):
    """Largest difference of the means in squares of 8 x 8 pixels, infinite for another layout."""
    if any(abs(a - b) * SCALE > SIDES for a, b in zip(found.size, kept.size, strict=True)):
        return np.inf
    apart = np.abs(np.asarray(found.resize(kept.size), float) - np.asarray(kept, float)).mean(2)
    height, width = (side // 8 for side in apart.shape)
    squares = apart[: 8 * height, : 8 * width].reshape(height, 8, width, 8)
    return squares.mean((1, 3)).max()


def kept(name):
    return Image.open(KEPT / f"{name}.png").convert("RGB")


@pytest.mark.parametrize("name", VIEWS)
def test_a_part_of_the_page_looks_as_it_did(name, views):
    found = picture(views(name), VIEWS[name].seen)
    if os.environ.get("NEW_PICTURES"):
        KEPT.mkdir(exist_ok=True)
        found.save(KEPT / f"{name}.png", optimize=True)
    assert difference(found, kept(name)) < LARGEST


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("strip", ".thumb canvas"),
        ("strip", "#level"),
        ("network", ".lines"),
        ("network", ".is-code canvas"),
        ("network-narrow", ".grid"),
        ("network-skips", ".lines"),
        ("network-tight", ".chip"),
        ("noise", ":is(.series, .series-dot)"),
        ("noise", ".large:nth-child(3) canvas"),
        ("convolution", ".part-rows canvas"),
        ("convolution", ".bars"),
        ("relu", ".curve"),
        ("code", ".point"),
        ("code", ".axis-end"),
        ("code", ".bar-shape"),
        ("learn", ".kernel-row"),
        ("learn", ".epoch-strip canvas"),
    ],
)
def test_a_part_that_is_missing_is_seen(name, part, views):
    page, seen = views(name), VIEWS[name].seen
    hiding = page.add_style_tag(content=f"{seen} {part} {{ visibility: hidden !important; }}")
    found = picture(page, seen)
    hiding.evaluate("style => style.remove()")
    assert difference(found, kept(name)) > LARGEST
