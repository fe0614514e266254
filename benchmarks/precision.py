"""What a training in bfloat16 costs in quality and gains in time.

The same network, images and seed, trained with ``precision="float32"`` and ``"bfloat16"`` in turn:
the default network on Fashion-MNIST and CIFAR-10, the residual U-Net on patches of photographs.
Printed are the PSNR of denoised test images, whose results are computed in float32, with those
computed in bfloat16 beside it, and the ratios of the processor times of both. The
photographs of the test are some of the training folder that were left out of the training.

Each result is one line of ``--results``; what is there already is not run again.

    python benchmarks/precision.py DATA --results precision.jsonl
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _data import load, load_photographs
from _results import resume, spread

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise, NoiseInjector, Patches, ResUNet
from sklearn_cae.metrics import peak_signal_noise_ratio

N_TEST = 1000
N_TEST_PHOTOGRAPHS = 24
TEST_SEED = 2**31
PRECISIONS = ("float32", "bfloat16")


def small_images(name, args, seed):
    """Training and test images of a data set, and how to train on them."""
    x_train, _, x_test, _ = load(name, args.data)
    rows = np.random.default_rng(seed).permutation(len(x_train))[: args.n_train]
    return x_train[rows], list(x_test[:N_TEST]), {"network": Autoencoder()}


def photographs(args, seed):
    """Photographs to train and to test on, and how to train on them."""
    images = load_photographs(Path(args.data) / "cbsd432_train", gray=True)
    order = np.random.default_rng(0).permutation(len(images))
    test, train = order[:N_TEST_PHOTOGRAPHS], order[N_TEST_PHOTOGRAPHS:]
    options = {
        "network": ResUNet(),
        "loss": "l1",
        "patches": Patches(per_image=4),
        "batch_size": 16,
        "max_epochs": args.photograph_epochs,
    }
    return [images[i] for i in train], [images[i] for i in test], options


def run(job, args):
    torch.set_num_threads(1)
    seed = job["seed"]
    if job["data"] == "photographs":
        train, test, options = photographs(args, seed)
    else:
        train, test, options = small_images(job["data"], args, seed)
    noise = GaussianNoise(0.1)
    noisy = [
        np.asarray(NoiseInjector(noise, random_state=TEST_SEED).corrupt(x[None])[0]) for x in test
    ]
    options |= {"noise": noise, "for_codes": True, "random_state": seed}
    seconds, results = {}, {}
    for precision in PRECISIONS:
        cae = DenoisingCAE(**options, precision=precision)
        start = time.process_time()
        cae.fit(train)
        seconds[precision] = time.process_time() - start
        results[precision] = psnr(test, in_precision(cae, "float32").predict(noisy))
    denoised = {}
    for precision in PRECISIONS:
        start = time.process_time()
        denoised[precision] = in_precision(cae, precision).predict(noisy)
        seconds[f"predict {precision}"] = time.process_time() - start
    return {
        **job,
        **results,
        "all in bfloat16": psnr(test, denoised["bfloat16"]),
        "fit ratio": seconds["float32"] / seconds["bfloat16"],
        "predict ratio": seconds["predict float32"] / seconds["predict bfloat16"],
        "levels": largest_difference(*denoised.values()),
    }


def largest_difference(first, second):
    """Largest difference in levels of 255."""
    pairs = zip(first, second, strict=True)
    return max(int(np.abs(a.astype(int) - b).max()) for a, b in pairs)


def in_precision(cae, precision):
    """A denoiser that gives its results in a precision: the fitted one, changed."""
    cae.precision_ = precision
    return cae


def psnr(clean, denoised):
    pairs = zip(clean, denoised, strict=True)
    return float(
        np.mean([peak_signal_noise_ratio(a[None], b[None], data_range=255) for a, b in pairs])
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "data", help="folder with mnist/, fashion_mnist/, cifar10.npz, cbsd432_train/"
    )
    parser.add_argument("--results", default="precision.jsonl")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--n-train", type=int, default=4000)
    parser.add_argument("--photograph-epochs", type=int, default=5)
    args = parser.parse_args()
    names = ("fashion_mnist", "cifar10", "photographs")
    jobs = [{"data": name, "seed": seed} for name in names for seed in args.seeds]
    results = resume(args.results, jobs, partial(run, args=args))
    print(
        "data           float32         bfloat16        difference      all in bfloat16  "
        "fit and predict: time ratios, largest difference in levels"
    )
    for name in names:
        of_name = [result for result in results if result["data"] == name]
        columns = {key: [result[key] for result in of_name] for key in of_name[0]}
        difference = np.subtract(columns["bfloat16"], columns["float32"])
        cells = [columns["float32"], columns["bfloat16"], difference, columns["all in bfloat16"]]
        print(
            f"{name:14} " + " ".join(f"{spread(c, 3):15}" for c in cells),
            spread(columns["fit ratio"], 2),
            spread(columns["predict ratio"], 2),
            max(columns["levels"]),
        )


if __name__ == "__main__":
    main()
