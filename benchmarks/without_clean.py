"""What a network learns of noisy photographs, with clean images and without.

The same network, the same number of steps and about the same time for each target: clean
photographs; pairs of two noisy takes; noisy photographs alone, by their neighbours, by hidden
pixels and by more of their noise, whose level is estimated. What "neighbor" compares is half as
high and wide as its patches, so these are twice as large. Gaussian noise of 25 of 255, or photons
with ``--peak``, neither clipped nor rounded, on gray photographs, of which the test images are
those of BSD68; on those of CBSD68 with ``--color``.

    python benchmarks/without_clean.py DATA
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from _data import load_photographs

from sklearn_cae import DenoisingCAE, GaussianNoise, Patches, PoissonNoise, ResUNet

STD = 25
RANGE = (0, 255)


def takes(photographs, number, peak):
    """A noisy take of each photograph."""
    return [
        noisy(image, np.random.default_rng([number, i]), peak).astype(np.float32)
        for i, image in enumerate(photographs)
    ]


def noisy(image, rng, peak):
    if peak is None:
        return image + rng.normal(0, STD, image.shape)
    return rng.poisson(image / 255 * peak) * 255 / peak


def psnr(clean, images):
    errors = [np.square(a.astype(float) - b).mean() for a, b in zip(clean, images, strict=True)]
    return np.mean(10 * np.log10(255**2 / np.array(errors)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with cbsd432_train/, bsd68/ and cbsd68/")
    parser.add_argument("--photographs", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--test", type=int, default=68, help="test images, the first ones")
    parser.add_argument("--peak", type=float, help="photons in a white pixel")
    parser.add_argument("--color", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", nargs="+", help="words in the names of those to train")
    args = parser.parse_args()
    torch.set_num_threads(1)
    photographs = load_photographs(Path(args.data) / "cbsd432_train", gray=not args.color)
    clean = [image.astype(np.float32) for image in photographs[: args.photographs]]
    test = load_photographs(Path(args.data) / ("cbsd68" if args.color else "bsd68"))[: args.test]
    noisy_test = takes(test, 2, args.peak)
    noise = GaussianNoise(STD / 255, clip=False)
    if args.peak is not None:
        noise = PoissonNoise(args.peak, clip=False)
    take, second = takes(clean, 0, args.peak), takes(clean, 1, args.peak)
    trainings = {
        "clean images": ({"noise": noise}, (clean,)),
        'two noisy takes, target="noisy"': ({"target": "noisy"}, (take, second)),
        'noisy images, target="neighbor"': (
            {"target": "neighbor", "patches": Patches(128)},
            (take,),
        ),
        'noisy images, target="masked"': ({"target": "masked"}, (take,)),
        'noisy images, target="recorrupted"': ({"target": "recorrupted"}, (take,)),
    }
    print(f"noisy: {psnr(test, [image.clip(*RANGE) for image in noisy_test]):.2f} dB", flush=True)
    print("| learned from | PSNR in dB | training, CPU s |")
    print("|---|---|---|")
    for name, (params, images) in trainings.items():
        if args.targets and not any(target in name for target in args.targets):
            continue
        start = time.process_time()
        cae = DenoisingCAE(
            ResUNet(),
            batch_size=16,
            max_epochs=args.epochs,
            data_range=RANGE,
            for_codes=True,
            random_state=args.seed,
            **({"patches": Patches(64)} | params),
        ).fit(*images)
        seconds = time.process_time() - start
        print(f"| {name} | {psnr(test, cae.predict(noisy_test)):.2f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
