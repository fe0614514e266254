"""Draw the pictures of README and of the first page, and print the numbers that stand beside them.

They are kept in ``docs/images``, those of the slider in ``docs/_static``. Run it again when a
denoiser of the package changes. It takes two minutes of a processor and needs ``pip install bm3d``;
the picture of the page of ``explain_html`` also needs playwright and Chromium, and stays as it is
without them.

    python docs/make_figures.py
"""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from denoise_folder import denoise
from matplotlib.patches import Rectangle
from PIL import Image
from skimage import data, draw
from skimage.color import rgb2gray
from skimage.transform import resize
from skimage.util import img_as_ubyte

from sklearn_cae import (
    Autoencoder,
    CAEOutlierDetector,
    DenoisingCAE,
    GaussianNoise,
    NoiseInjector,
    Patches,
    PoissonNoise,
    ReconstructionScore,
    ResUNet,
    UNet,
)
from sklearn_cae.classical import FILTERS
from sklearn_cae.datasets import load_natural_patches
from sklearn_cae.explain import explain_html
from sklearn_cae.metrics import peak_signal_noise_ratio

DOCS = Path(__file__).parent
SIGMA = 25 / 255
NAMES = {"noisy": "noisy", "bm3d": "BM3D", "ours": "sklearn_cae"}
# (top, left, height, width) of the parts of the photograph that are shown.
ZOOM = (95, 130, 90, 120)
SLIDER = (60, 60, 208, 320)
CARD = (320, 480)  # height and width in pixels
FRAME = "#ffd400"
# From the noisy image to the output, in the section of the whole network.
WHOLE = (156, 97, 533, 800)


def save(name, image, quality=88, *, folder="images"):
    """Write an array (H, W) or (H, W, 3) of uint8 as a JPEG."""
    path = DOCS / folder / name
    Image.fromarray(np.asarray(image)).save(path, quality=quality, optimize=True)
    print(f"wrote {name}: {path.stat().st_size // 1024} kB", flush=True)


def part(image, box):
    top, left, height, width = box
    return image[top : top + height, left : left + width]


def enlarge(image, shape):
    """Of another size, uint8."""
    return img_as_ubyte(resize(image, shape, order=1, anti_aliasing=True))


def add_noise(image, model):
    return np.asarray(NoiseInjector(model, random_state=0).corrupt(image[np.newaxis]))[0]


def halves(left, right, shape=CARD):
    """One picture, its left half from one image and its right half from another."""
    left, right = enlarge(left, shape), enlarge(right, shape)
    middle = shape[1] // 2
    joined = np.concatenate([left[:, :middle], right[:, middle:]], axis=1)
    joined[:, middle - 1 : middle + 1] = 255
    return joined


# -- The photograph -------------------------------------------------------------------------------


def denoised_photograph():
    """The photograph, and its noisy and denoised versions, all uint8."""
    clean = data.chelsea()
    noisy = add_noise(clean, GaussianNoise(SIGMA))
    network = DenoisingCAE.from_pretrained("natural-color")
    network.predict(noisy[np.newaxis])  # what is imported at the first use is not timed
    start = time.process_time()
    bm3d = FILTERS["bm3d"].function(noisy[np.newaxis] / 255, sigma=SIGMA)[0]
    between = time.process_time()
    ours = network.predict(noisy[np.newaxis])[0]
    end = time.process_time()
    versions = {"noisy": noisy, "bm3d": img_as_ubyte(bm3d.clip(0, 1)), "ours": ours}
    psnr = {
        name: peak_signal_noise_ratio(clean[np.newaxis], image[np.newaxis], data_range=255)
        for name, image in versions.items()
    }
    print(f"processor seconds: BM3D {between - start:.1f}, the network {end - between:.1f}")
    return versions, psnr


def draw_hero(versions, psnr):
    """Three versions side by side, and below a part of each enlarged."""
    width, height = 1660, 1060
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")
    column, gap = 544, 14
    photograph = next(iter(versions.values()))
    tall = column * photograph.shape[0] // photograph.shape[1]
    zoomed = column * ZOOM[2] // ZOOM[3]
    for i, (name, image) in enumerate(versions.items()):
        left = i * (column + gap)
        text = f"{NAMES[name]}  {psnr[name]:.1f} dB"
        weight = "bold" if name == "ours" else "normal"
        figure.text(
            (left + column / 2) / width, 1 - 38 / height, text,
            ha="center", va="center", fontsize=31, weight=weight,
        )  # fmt: skip
        for shown, top, size in [(image, 76, tall), (part(image, ZOOM), 76 + tall + gap, zoomed)]:
            axes = figure.add_axes(
                (left / width, 1 - (top + size) / height, column / width, size / height)
            )
            axes.imshow(shown, interpolation="bicubic", aspect="auto")
            axes.set_axis_off()
            if shown is image:
                axes.add_patch(
                    Rectangle(
                        (ZOOM[1], ZOOM[0]), ZOOM[3], ZOOM[2], fill=False, color=FRAME, linewidth=4
                    )
                )
    bottom = 76 + tall + gap + zoomed
    figure.canvas.draw()
    save("hero.jpg", np.asarray(figure.canvas.buffer_rgba())[:bottom, :, :3])
    plt.close(figure)


def photograph():
    versions, psnr = denoised_photograph()
    for name, value in psnr.items():
        print(f"{NAMES[name]:12} {value:.2f} dB")
    draw_hero(versions, psnr)
    for name, image in versions.items():
        save(f"slider-{name}.jpg", part(image, SLIDER), quality=92, folder="_static")


# -- A folder -------------------------------------------------------------------------------------


def folder():
    """Files of four kinds before and after ``docs/denoise_folder.py``."""
    tall = data.astronaut()[:300, 60:360]
    rows, columns = np.indices(tall.shape[:2]) - 150
    disc = np.where(np.hypot(rows, columns) < 145, 255, 0).astype(np.uint8)[..., np.newaxis]
    clean = {
        "colour": data.chelsea()[:, 30:330],
        "gray": data.camera()[20:320, 80:380],
        "16 bits": data.coins()[:300, :300].astype(np.uint16) * 257,
        "transparent": np.dstack([tall, disc]),
    }
    figure, axes = plt.subplots(2, 4, figsize=(12, 6.7), layout="constrained")
    for (name, image), (above, below) in zip(clean.items(), axes.T, strict=True):
        n_colours = 3 if image.ndim == 3 else 1
        noisy = np.atleast_3d(image).copy()
        colours = noisy[..., :n_colours]
        colours[...] = add_noise(colours, GaussianNoise(SIGMA))
        noisy = noisy.reshape(image.shape)
        white = np.iinfo(image.dtype).max
        for each, shown in ((above, noisy), (below, denoise(noisy))):
            pair = [np.atleast_3d(x)[np.newaxis, ..., :n_colours] for x in (image, shown)]
            psnr = peak_signal_noise_ratio(*pair, data_range=white)
            print(f"{name:14} {psnr:.1f} dB")
            each.imshow(shown / white, cmap="gray", vmin=0, vmax=1)
            each.set_axis_off()
            each.set_title(f"{name}\n{psnr:.1f} dB" if each is above else f"{psnr:.1f} dB", size=20)
    figure.canvas.draw()
    save("folder.jpg", np.asarray(figure.canvas.buffer_rgba())[..., :3])
    plt.close(figure)


# -- The cards ------------------------------------------------------------------------------------


def card_denoise():
    clean = data.astronaut()[:280, :420]
    noisy = add_noise(clean, GaussianNoise(SIGMA))
    denoised = DenoisingCAE.from_pretrained("natural-color").predict(noisy[np.newaxis])[0]
    save("card-denoise.jpg", halves(noisy, denoised))


def card_only_noisy():
    """As in ``examples/plot_only_noisy.py``."""
    clean = img_as_ubyte(rgb2gray(data.hubble_deep_field()))
    noisy = add_noise(clean, PoissonNoise(30))
    cae = DenoisingCAE(
        ResUNet((16, 32, 64), blocks=1),
        target="neighbor",
        patches=Patches(64, per_image=64),
        batch_size=8,
        max_epochs=100,
        random_state=0,
    ).fit(noisy[np.newaxis])
    denoised = cae.predict(noisy[np.newaxis])[0]
    box = (420, 640, 160, 240)
    shown = [
        np.clip(2.0 * part(image, box), 0, 255).astype(np.uint8) for image in (noisy, denoised)
    ]
    save("card-only-noisy.jpg", halves(*shown))


def card_anomalies():
    """A scratch on a wall, and the map of the detector that has seen good walls only."""
    wall = data.brick()
    cae = DenoisingCAE(Autoencoder((16, 32)), patches=Patches(32), max_epochs=10)
    good = np.stack([wall[r : r + 96, c : c + 96] for r in range(0, 416, 80) for c in (0, 80, 160)])
    score = ReconstructionScore(smoothing=2, worst=0.01)
    detector = CAEOutlierDetector(cae, outlier_score=score, random_state=0).fit(good)
    odd = wall[100:260, 300:420].copy()
    for thickness in range(2):
        odd[draw.line(40 + thickness, 25, 95 + thickness, 60)] = 240
        odd[draw.line(120 + thickness, 50, 105 + thickness, 100)] = 15
    both = [np.dstack([odd] * 3), heat(odd, detector.anomaly_map(odd[np.newaxis])[0])]
    save("card-anomalies.jpg", enlarge(np.concatenate(both, axis=1), CARD))


def heat(image, amount):
    """A gray image with the map over it."""
    low, high = np.quantile(amount, [0.5, 0.999])
    share = ((amount - low) / (high - low)).clip(0, 1)[..., np.newaxis]
    return img_as_ubyte((1 - share) * image[..., np.newaxis] / 255 * 0.8 + share * [1, 0.25, 0.1])


def card_look_inside():
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        browser = None
    if browser is None:
        print("card-look-inside.jpg stays as it is: it needs playwright and Chromium")
        return
    patches = load_natural_patches(32, n_patches=400).images
    cat = enlarge(data.chelsea()[:, 20:320], (32, 32))
    cae = DenoisingCAE(UNet((8, 16)), max_epochs=10, random_state=0).fit(patches)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        path = Path(folder, "page.html")
        explain_html(cae, np.stack([cat, *patches[:7]]), path)
        opened = started.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": 1000, "height": 1000}, color_scheme="light")
        page.goto(path.as_uri())
        page.evaluate("explainer.ready")
        page.evaluate("explainer.model.finished()")
        page.locator("#whole").screenshot(path=str(path.with_suffix(".png")))
        opened.close()
        screen = np.asarray(Image.open(path.with_suffix(".png")).convert("RGB"))
    save("card-look-inside.jpg", enlarge(part(screen, WHOLE), (2 * CARD[0], 2 * CARD[1])))


# -- How much a longer training gains -------------------------------------------------------------


def longer_training():
    """The numbers of ``benchmarks/longer_training.py``, and those of ``train_pretrained.py``."""
    numbers = json.loads((DOCS / "longer_training.json").read_text())
    recipe = sorted((found["seconds"] / 60, found["psnr"]) for found in numbers["recipe"].values())
    others = {
        "package": ("s--", "the network of the package, all levels"),
        "shorter": ("D", "the same, its rate at zero after 3 minutes"),
    }
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(*zip(*recipe, strict=True), "o-", label="the recipe of Getting started, one level")
    for name, (style, label) in others.items():
        axes.plot(numbers[name]["minutes"], numbers[name]["psnr"], style, label=label)
    axes.set(xscale="log", xlabel="minutes of one core", ylabel="PSNR in dB")
    ticks = (0.1, 0.3, 1, 3, 10, 30, 60)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(DOCS / "images" / "longer-training.png", dpi=110)
    print("wrote longer-training.png")
    plt.close(figure)


# -- Speed beside other ways ----------------------------------------------------------------------

RIVALS = {
    "tuned": "a tuned torch loop",
    "usual": "PyTorch as usual",
    "skorch": "plain skorch",
    "keras (tensorflow)": "Keras on TensorFlow",
}
CASE = "Autoencoder(), 32x32x3, 3200 images"


def throughput():
    """The ratios of ``benchmarks/throughput.py``, with their smallest and largest."""
    numbers = json.loads((DOCS / "throughput.json").read_text())
    (ways,) = (ways for case, ways in numbers.items() if case.startswith(CASE))
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.6), layout="constrained", sharey=True)
    for ax, what in zip(axes, ("fit", "predict"), strict=True):
        middle, low, high = np.transpose([ways[name][what] for name in RIVALS])
        ax.barh(range(len(RIVALS)), middle, xerr=(middle - low, high - middle), capsize=3)
        ax.axvline(1, color="black", linewidth=1)
        ax.set(title=what, xlabel="time, sklearn_cae = 1", xlim=(0, None))
    axes[0].set_yticks(range(len(RIVALS)), list(RIVALS.values()))
    axes[0].invert_yaxis()
    figure.savefig(DOCS / "images" / "throughput.png", dpi=110)
    print("wrote throughput.png")
    plt.close(figure)


PICTURES = {
    "photograph": photograph,
    "folder": folder,
    "denoise": card_denoise,
    "only-noisy": card_only_noisy,
    "anomalies": card_anomalies,
    "look-inside": card_look_inside,
    "longer-training": longer_training,
    "throughput": throughput,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(PICTURES), default=list(PICTURES))
    for name in parser.parse_args().only:
        PICTURES[name]()


if __name__ == "__main__":
    main()
