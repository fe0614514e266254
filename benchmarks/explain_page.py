"""Speed of the page that looks inside a network, while its slider of the noise moves.

The slider moves with each frame of the screen, while the whole network is seen: all feature maps
are drawn anew. ``frames`` are the times a second that the page shows a new result, ``network`` is
what the network alone takes, ``lag`` is from a move of the slider until its result stands on the
page; both are medians. The networks have been trained for one epoch, which changes no speed.

    python benchmarks/explain_page.py

It needs playwright and Chromium or Chrome; ``--browser`` names it.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from sklearn_cae import Autoencoder, DenoisingCAE, ResUNet, UNet
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.explain import explain_html

NETWORKS = {"Autoencoder()": Autoencoder(), "UNet()": UNet(), "ResUNet()": ResUNet()}
N_IMAGES = 120

# Moves the slider for some seconds and keeps what each result took.
MOVE = """async (seconds) => {
  const { model } = explainer;
  const slider = document.getElementById("level");
  const [low, high] = [Number(slider.min), Number(slider.max)];
  const [moved, network, lag] = [new Map(), [], []];
  model.listen(() => {
    network.push(model.milliseconds);
    lag.push(performance.now() - moved.get(model.shown.noise.level));
  });
  const began = performance.now();
  for (let i = 1; performance.now() < began + 1000 * seconds; i++) {
    slider.value = low + ((i % 50) / 50) * (high - low);
    moved.set(Number(slider.value), performance.now());
    slider.dispatchEvent(new Event("input"));
    await new Promise(requestAnimationFrame);
  }
  const took = (performance.now() - began) / 1000;
  await model.finished();
  return { frames: network.length / took, network, lag };
}"""


def measured(browser, path, seconds):
    """Frames a second, and milliseconds of the network and of all that follows a move."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(path.as_uri())
    page.evaluate("explainer.ready")
    page.locator("#whole").scroll_into_view_if_needed()
    page.evaluate(MOVE, 1)  # until all is compiled
    result = page.evaluate(MOVE, seconds)
    page.close()
    return result["frames"], np.median(result["network"]), np.median(result["lag"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--browser", default=shutil.which("chromium"))
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--size", type=int, default=32, help="side of the images in pixels")
    given = parser.parse_args()
    X = load_natural_patches(given.size, n_patches=N_IMAGES).images
    print(f"{'network':16}{'page':>8}{'frames':>10}{'network':>10}{'lag':>10}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.browser, args=["--no-sandbox"])
        for name, network in NETWORKS.items():
            path = Path(folder) / "page.html"
            cae = DenoisingCAE(network, max_epochs=1, for_codes=True, random_state=0).fit(X)
            explain_html(cae, X, path)
            frames, network_ms, lag_ms = measured(browser, path, given.seconds)
            size = path.stat().st_size / 1e6
            print(
                f"{name:16}{size:>5.1f} MB{frames:>8.1f}/s{network_ms:>7.0f} ms{lag_ms:>7.0f} ms",
                flush=True,
            )
        browser.close()


if __name__ == "__main__":
    main()
