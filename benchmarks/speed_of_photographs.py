"""Seconds a megapixel of the denoisers of photographs, on one thread and on two.

The gray network of the package and the filters of ``denoise_natural.py`` denoise a photograph of
BSD68 with noise of 25 of 255. The time is that of the clock, and what else runs on the machine adds
to it: each method takes its turns on one thread and on two one after the other, and the ratio is
that of a turn. Printed are medians, with the smallest and the largest. The filters of scikit-image
have one thread only.

    python benchmarks/speed_of_photographs.py DATA
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from _data import load_photographs
from denoise_natural import FILTER_NAMES, add_noise, denoiser_of

from sklearn_cae.classical import available_filters

SIGMA = 25


def threaded(method, data):
    """A function from an image and a number of threads to a denoised image."""
    if method == "bm3d":
        return bm3d_on_threads
    denoise = denoiser_of(method, "gray", SIGMA, data, files=False)

    def on_threads(image, n_threads):
        torch.set_num_threads(n_threads)
        return denoise(image)

    return on_threads


def bm3d_on_threads(image, n_threads):
    import bm3d

    profile = bm3d.BM3DProfile()
    profile.num_threads = n_threads
    return bm3d.bm3d(image, SIGMA / 255, profile)


def seconds_of_turns(denoise, image, threads, n_turns):
    """Seconds a megapixel (n_turns, number of threads), in an order that is reversed each turn."""
    seconds = np.empty((n_turns, len(threads)))
    denoise(image, threads[0])  # What is loaded on first use does not count.
    for turn in range(n_turns):
        for column in range(len(threads))[:: 1 if turn % 2 == 0 else -1]:
            start = time.perf_counter()
            denoise(image, threads[column])
            seconds[turn, column] = 1e6 * (time.perf_counter() - start) / image.size
    return seconds


def spread(values):
    return f"{np.median(values):.2f} ({np.min(values):.2f} to {np.max(values):.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with bsd68/ and cbsd432_train/")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--methods", nargs="+", help="ours and filters")
    args = parser.parse_args()
    image = add_noise(load_photographs(Path(args.data) / "bsd68")[:1], SIGMA, files=False)[0]
    installed = [name for name in FILTER_NAMES if name in available_filters()]
    headings = [f"{n} thread{'s' if n > 1 else ''}" for n in args.threads]
    ratios = [f"{n} / {args.threads[0]}" for n in args.threads[1:]]
    print("Seconds a megapixel by the clock: median (smallest to largest)\n")
    print("| method |", " | ".join(headings + ratios), "|")
    print("|---" * (len(headings + ratios) + 1) + "|")
    for method in args.methods or ["ours", *installed]:
        seconds = seconds_of_turns(threaded(method, args.data), image, args.threads, args.turns)
        values = [*seconds.T, *(seconds[:, 1:] / seconds[:, :1]).T]
        print("|", " | ".join([method, *map(spread, values)]), "|", flush=True)


if __name__ == "__main__":
    main()
