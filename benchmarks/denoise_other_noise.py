"""Networks for salt and pepper, blur and photon noise on photographs, beside classical methods.

For each kind of noise the gray network of the package is trained further on gray photographs, in
about seven minutes of processor time. The weights are kept in ``--models``; what is there is not
trained again, and a training that was interrupted goes on. "ours" are these networks, which are
blind to the level; "from_pretrained" is the network of the package as it is. The classical methods
are told what they need, and their settings are chosen on the central parts of eight training
photographs. The test is BSD68. All methods see the same noise: that of the noise models of the
library, with a generator whose seed is the number of the image.

- Salt and pepper: medians; at black and white pixels alone, the median of the others around them,
  and their mean weighted by a Gaussian. "ours, others kept" is the network at these pixels alone.
- A Gaussian blur of 1.6 pixels with Gaussian noise of 2 of 255, not clipped: the filter of Wiener
  and the iteration of Richardson and Lucy, both told the blur.
- Photons, not clipped: BM3D, where it is installed, after Anscombe's transform with the exact
  unbiased inverse, told the peak. It takes eight processor seconds an image: ``--every 4`` tests
  on a quarter of them.

Results are kept in ``--results``, and what is there is not run again.

    python benchmarks/denoise_other_noise.py DATA
"""

import argparse
import time
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from _data import load_photographs
from _other_filters import anscombe_bm3d, interpolation, median, switching_median, undo_blur, wiener
from _photographs import (
    denoise_all,
    measure,
    print_table,
    psnr,
    training_photographs,
    tuning_crops,
)
from _results import resume

from sklearn_cae import (
    DenoisingCAE,
    GaussianBlur,
    GaussianNoise,
    NoiseChain,
    NoiseModel,
    Patches,
    PoissonNoise,
    SaltAndPepperNoise,
    load,
)
from sklearn_cae.callbacks import TrainingCheckpoint
from sklearn_cae.classical import available_filters

KEPT = "ours, others kept"
BLUR = 1.6
BLURRED = NoiseChain([GaussianBlur(BLUR), GaussianNoise(2 / 255, clip=False)])
# What a network of each kind is trained for.
KINDS = {
    "salt-and-pepper": SaltAndPepperNoise((0.05, 0.35)),
    "blur": BLURRED,
    "photons": PoissonNoise((5, 70), clip=False),
}


class Case(NamedTuple):
    """A noise to test on, the kind of its network, and the settings to try of each rival."""

    kind: str
    noise: NoiseModel
    rivals: dict

    @property
    def methods(self):
        ours = ["ours", KEPT] if self.kind == "salt-and-pepper" else ["ours"]
        return ["noisy", "from_pretrained", *ours, *self.rivals]


MEDIANS = {
    "median": [partial(median, size=size) for size in (3, 5, 7)],
    "median of the others": [switching_median],
    "mean of the others": [partial(interpolation, std=std) for std in (0.3, 0.4, 0.5, 0.6, 0.8)],
}
DECONVOLUTIONS = {
    "Wiener": [partial(wiener, std=BLUR, balance=b) for b in np.geomspace(1e-4, 1, 17)],
    "Richardson-Lucy": [
        partial(undo_blur, std=BLUR, num_iter=n) for n in (5, 7, 10, 14, 20, 28, 40, 56)
    ],
}


def bm3d_of(peak):
    if "bm3d" not in available_filters():
        return {}
    return {"BM3D": [partial(anscombe_bm3d, peak=peak)]}


CASES = {
    "salt and pepper 10 %": Case("salt-and-pepper", SaltAndPepperNoise(0.1), MEDIANS),
    "salt and pepper 30 %": Case("salt-and-pepper", SaltAndPepperNoise(0.3), MEDIANS),
    "blur 1.6": Case("blur", BLURRED, DECONVOLUTIONS),
    "photons, peak 60": Case("photons", PoissonNoise(60, clip=False), bm3d_of(60)),
    "photons, peak 10": Case("photons", PoissonNoise(10, clip=False), bm3d_of(10)),
}


def corrupt(images, noise):
    """Noisy images in units of the range; the seed of each is its number."""
    noisy = []
    for i, image in enumerate(images):
        batch = torch.as_tensor(image / np.float32(255))[None, None]
        noisy.append(noise.corrupt(batch, torch.Generator().manual_seed(i))[0, 0].numpy())
    return noisy


def train(kind, args):
    """Train a network further for a kind of noise, and write it."""
    training, held_out = training_photographs(args.data, gray=True)
    cae = DenoisingCAE.from_pretrained("natural-gray", device="cpu").set_params(
        noise=KINDS[kind],
        loss="l1",
        patches=Patches(64, per_image=4),
        batch_size=16,
        lr=args.lr,
        max_epochs=args.epochs,
        validation_fraction=0,
        for_codes=True,
        callbacks=[TrainingCheckpoint(Path(args.models, kind), every=5)],
        random_state=0,
    )
    start = time.process_time()
    cae.fit(training)
    print(f"{kind}: trained for {time.process_time() - start:.0f} CPU s in this run", flush=True)
    for name, case in CASES.items():
        if case.kind == kind:
            denoised, _ = denoise_all(network(cae), corrupt(held_out, case.noise))
            print(f"held out, {name}: {psnr(held_out, denoised):.2f} dB", flush=True)
    cae.set_params(callbacks=None).save(path_of(kind, args))


def path_of(kind, args):
    return Path(args.models, f"{kind}.safetensors")


def network(cae):
    """A function from a noisy image to a denoised one, both of floats from 0 to 1."""
    return lambda image: cae.predict([255 * image])[0] / 255


def where_replaced(denoise, image):
    """The denoised image at black and white pixels, and the noisy one elsewhere."""
    return np.where((image == 0) | (image == 1), denoise(image), image)


@cache
def tuned(method, name, data):
    """The setting of a classical method that does best on parts of training photographs."""
    case = CASES[name]
    settings = case.rivals[method]
    if len(settings) == 1:
        return settings[0]
    clean = tuning_crops(data, gray=True)
    noisy = corrupt(clean, case.noise)
    return max(settings, key=lambda denoise: psnr(clean, denoise_all(denoise, noisy)[0]))


def denoiser_of(method, name, args):
    if method == "noisy":
        return lambda image: image
    if method == "from_pretrained":
        return network(DenoisingCAE.from_pretrained("natural-gray", device="cpu"))
    if method in ("ours", KEPT):
        denoise = network(load(path_of(CASES[name].kind, args), device="cpu"))
        return denoise if method == "ours" else lambda image: where_replaced(denoise, image)
    return tuned(method, name, args.data)


def run(job, args):
    images = load_photographs(Path(args.data) / "bsd68")
    noisy = corrupt(images, CASES[job["noise"]].noise)
    denoise = denoiser_of(job["method"], job["noise"], args)
    chosen = getattr(denoise, "keywords", {})
    return job | chosen | measure(denoise, noisy[:: job["every"]], images[:: job["every"]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with cbsd432_train/ and bsd68/")
    parser.add_argument("--models", default="other_noise", help="folder of the trained networks")
    parser.add_argument("--results", default="other_noise.jsonl")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--methods", nargs="+", help="such as noisy, ours, median or BM3D")
    parser.add_argument("--epochs", type=int, default=45)
    parser.add_argument("--lr", type=float, default=0.04, help="a tenth of it is the first rate")
    parser.add_argument("--every", type=int, default=1, help="test on one image of so many")
    args = parser.parse_args()
    torch.set_num_threads(1)
    jobs = [
        {"method": method, "noise": name, "every": args.every}
        for name, case in CASES.items()
        for method in case.methods
        if case.kind in args.kinds and method in (args.methods or case.methods)
    ]
    for kind in args.kinds:
        needed = any(job["method"] in ("ours", KEPT) for job in jobs)
        if needed and not path_of(kind, args).exists():
            train(kind, args)
    results = resume(args.results, jobs, lambda job: run(job, args))
    columns = [name for name, case in CASES.items() if case.kind in args.kinds]
    shown = [row for row in results if row["every"] == args.every and row["noise"] in columns]
    apart = f", one image of {args.every}" if args.every > 1 else ""
    print(f"\nBSD68{apart}, PSNR in dB / SSIM (CPU seconds a megapixel)\n")
    print_table(shown, lambda row: row["noise"], columns)


if __name__ == "__main__":
    main()
