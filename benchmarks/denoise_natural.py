"""The denoisers of the package on photographs, beside classical filters.

BSD68, Set12 (gray) and CBSD68 (colour) with Gaussian noise of 15, 25 and 50 of 255 that is neither
clipped nor rounded, as in the literature; the results are clipped to the range. The noise of an
image is that of ``numpy.random.default_rng(number of the image)``, the same for all methods.
"files" is the same noise clipped and rounded to 8 bits. The filters are tuned on the central parts
of eight training photographs; BM3D, where it is installed, is told the level. Seconds are those of
the processor, for one megapixel and one thread; the multiply-adds of a network are those of its
convolutions.

Results are kept in ``--results``, and what is there is not run again.

    python benchmarks/denoise_natural.py DATA --results natural.jsonl
"""

import argparse
from functools import cache
from pathlib import Path

import numpy as np
import torch
from _data import load_photographs
from _photographs import in_batch, measure, print_table, tuning_crops
from _results import resume
from torch.utils.flop_counter import FlopCounterMode

from sklearn_cae import ClassicalDenoiser, DenoisingCAE
from sklearn_cae.classical import FILTERS, available_filters
from sklearn_cae.persistence import pretrained_names

SETS = {"bsd68": "gray", "set12": "gray", "cbsd68": "color"}
FILTER_NAMES = ("total_variation", "wavelet", "nl_means", "bm3d")


def add_noise(images, sigma, *, files):
    """Noisy images in units of the range."""
    noisy = [
        image / 255 + np.random.default_rng(i).normal(0, sigma / 255, image.shape)
        for i, image in enumerate(images)
    ]
    return [np.rint(image.clip(0, 1) * 255) / 255 for image in noisy] if files else noisy


@cache
def tuning_pairs(data, kind, sigma, files):
    """Noisy and clean central parts of training photographs."""
    clean = tuning_crops(data, gray=kind == "gray")
    return np.stack(add_noise(clean, sigma, files=files)), np.stack(clean) / 255


def denoiser_of(method, kind, sigma, data, files):
    """A function from a noisy image to a denoised one."""
    if method.startswith("ours"):
        cae = DenoisingCAE.from_pretrained(f"natural-{kind}", data_range=(0, 1), device="cpu")
        options = {"self_ensemble": method.endswith("x8")}
        return lambda image: cae.predict([image.astype(np.float32)], **options)[0]
    if method == "noisy":
        return lambda image: image
    if method == "bm3d":
        return lambda image: in_batch(FILTERS["bm3d"].function, image, sigma=sigma / 255)
    noisy, clean = tuning_pairs(data, kind, sigma, files)
    fitted = ClassicalDenoiser(method, data_range=(-1, 2)).fit(noisy, clean)
    function, setting = FILTERS[method].function, rescaled(fitted.params_)
    return lambda image: in_batch(function, image, **setting)


def rescaled(params):
    """Levels in units of 0 to 1 of a filter that was tuned in the range -1 to 2."""
    levels = {"sigma", "weight"}
    return {name: 3 * value if name in levels else value for name, value in params.items()}


def run(job, data):
    kind = SETS[job["set"]]
    images = load_photographs(Path(data) / job["set"])
    files = job["noise"] == "files"
    denoise = denoiser_of(job["method"], kind, job["sigma"], data, files)
    noisy = add_noise(images, job["sigma"], files=files)
    return job | measure(denoise, noisy, images)


def count_multiply_adds(module, n_channels, size=64):
    """Multiply-adds of the convolutions for one pixel."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module(torch.zeros(1, n_channels, size, size))
    return counter.get_total_flops() / 2 / size**2


def describe_networks():
    for name in pretrained_names():
        cae = DenoisingCAE.from_pretrained(name)
        module = cae.net_.module_.cpu()
        print(
            f"{name}: {cae.network_}, {cae.n_parameters_:,} weights, "
            f"{count_multiply_adds(module, cae.image_spec_.n_channels):,.0f} multiply-adds a pixel"
        )


def print_tables(results):
    for noise in sorted({row["noise"] for row in results}):
        print(f"\n{noise} noise, PSNR in dB / SSIM (CPU seconds a megapixel)\n")
        rows = [row for row in results if row["noise"] == noise]
        columns = {(row["set"], row["sigma"]) for row in rows}
        ordered = sorted(columns, key=lambda column: (list(SETS).index(column[0]), column[1]))
        print_table(rows, heading, [f"{name} {sigma}" for name, sigma in ordered])


def heading(row):
    return f"{row['set']} {row['sigma']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with bsd68/, set12/, cbsd68/ and cbsd432_train/")
    parser.add_argument("--results", default="natural.jsonl")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--levels", nargs="+", type=int, default=[15, 25, 50])
    parser.add_argument("--noise", nargs="+", default=["unclipped"], choices=["unclipped", "files"])
    parser.add_argument("--methods", nargs="+", help="noisy, ours, ours-x8 and filters")
    args = parser.parse_args()
    torch.set_num_threads(1)
    installed = [name for name in FILTER_NAMES if name in available_filters()]
    methods = args.methods or ["noisy", "ours", "ours-x8", *installed]
    jobs = [
        {"method": method, "set": name, "sigma": sigma, "noise": noise}
        for noise in args.noise
        for method in methods
        for name in args.sets
        for sigma in args.levels
        if method.partition("-")[0] != "ours" or f"natural-{SETS[name]}" in pretrained_names()
    ]
    describe_networks()
    print_tables(resume(args.results, jobs, lambda job: run(job, args.data)))


if __name__ == "__main__":
    main()
