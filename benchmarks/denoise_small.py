"""PSNR and SSIM of the autoencoder and the U-Net beside classical filters.

Fashion-MNIST and CIFAR-10, six corruptions, several seeds; everything is uint8, clean and noisy.
A network trains on ``--n-train`` training images for ``--epochs`` passes with one thread; its time
is in CPU seconds. *best filter* is the best of the fast filters, chosen and tuned on 100 training
images. Figures are means over the whole test set.

BM3D, where it is installed, stands apart because it is slow: about half a second for a gray image
of this size and more than one for a colour image. So it filters the first ``--n-bm3d`` test images,
for the first seed. In brackets behind it is the PSNR of the U-Net on the same images. ``--no-bm3d``
leaves it out.

Each result is one line of ``--results``; what is there already is not run again.

    python benchmarks/denoise_small.py DATA --results small.jsonl --seeds 0 1 2
"""

import argparse
import time
from functools import partial

import numpy as np
import torch
from _data import load
from _results import resume, spread

from sklearn_cae import ClassicalDenoiser, DenoisingCAE, NoiseInjector
from sklearn_cae.classical import available_filters
from sklearn_cae.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn_cae.noise import GaussianBlur, GaussianNoise, SaltAndPepperNoise

NOISES = {
    "Gaussian 0.1": GaussianNoise(0.1),
    "Gaussian 0.25": GaussianNoise(0.25),
    "salt-and-pepper 0.1": SaltAndPepperNoise(0.1),
    "salt-and-pepper 0.3": SaltAndPepperNoise(0.3),
    "blur 1.0 px": GaussianBlur(1.0),
    "blur 1.5 px": GaussianBlur(1.5),
}
DATA_SETS = ("fashion_mnist", "cifar10")
NETWORKS = {"autoencoder": "autoencoder", "U-Net": "unet"}
TEST_SEED = 2**31
# Digits of the table.
QUALITY = {"psnr": 2, "ssim": 3}


def quality(clean, images):
    return {
        "psnr": peak_signal_noise_ratio(clean, images, data_range=255),
        "ssim": structural_similarity(clean, images, data_range=255),
    }


def fit(job, images, args):
    """A denoiser, and in words what was chosen or how large it is."""
    noise, seed = NOISES[job["noise"]], job["seed"]
    if job["method"] in NETWORKS:
        network = NETWORKS[job["method"]]
        # Where a network makes images worse, the table says so.
        options = {"max_epochs": args.epochs, "for_codes": True, "random_state": seed}
        cae = DenoisingCAE(network, noise=noise, **options)
        return cae.fit(images), f"{cae.n_parameters_} parameters"
    pairs = NoiseInjector(noise, random_state=seed).fit_transform(images[:100])
    installed = available_filters()
    names = ["bm3d"] if job["method"] == "BM3D" else [f for f in installed if f != "bm3d"]
    best = max((ClassicalDenoiser(name).fit(pairs) for name in names), key=lambda f: f.psnr_)
    return best, f"{best.filter_} {best.params_}"


def run(job, args):
    torch.set_num_threads(1)
    x_train, _, x_test, _ = load(job["data"], args.data)
    n_test = args.n_bm3d if job["method"] == "BM3D" else args.n_test
    clean = x_test[:n_test]
    noisy = np.asarray(NoiseInjector(NOISES[job["noise"]], random_state=TEST_SEED).corrupt(clean))
    if job["method"] == "noisy":
        return {**job, **quality(clean, noisy)}
    images = x_train[np.random.default_rng(job["seed"]).permutation(len(x_train))[: args.n_train]]
    start = time.process_time()
    denoiser, detail = fit(job, images, args)
    seconds = time.process_time() - start
    denoised = denoiser.predict(noisy)
    first = quality(clean[: args.n_bm3d], denoised[: args.n_bm3d])["psnr"]
    return {
        **job,
        **quality(clean, denoised),
        "psnr_first": first,
        "s": seconds,
        "detail": detail,
    }


def cells(rows):
    """One line of the table: the results of one corruption, by method."""
    quality_of = {
        method: " / ".join(spread([r[key] for r in found], n) for key, n in QUALITY.items())
        for method, found in rows.items()
        if found
    }
    yield quality_of["noisy"]
    chosen = sorted({r["detail"].split(" ")[0] for r in rows["best filter"]})
    yield f"{quality_of['best filter']} ({', '.join(chosen)})"
    if rows["BM3D"]:
        seed = rows["BM3D"][0]["seed"]
        same = next(r["psnr_first"] for r in rows["U-Net"] if r["seed"] == seed)
        yield f"{quality_of['BM3D']} ({same:.2f})"
    for network in NETWORKS:
        yield quality_of[network]
    yield " / ".join(f"{np.mean([r['s'] for r in rows[network]]):.0f}" for network in NETWORKS)


def table(results, n_bm3d):
    """Markdown table; mean and, where there are several seeds, the standard deviation."""
    methods = ("noisy", "best filter", "BM3D", *NETWORKS)
    with_bm3d = any(result["method"] == "BM3D" for result in results)
    columns = [
        "data",
        "noise",
        "noisy",
        "best fast filter",
        *([f"BM3D, first {n_bm3d} images (U-Net on these)"] if with_bm3d else []),
        *NETWORKS,
        "training, CPU s",
    ]
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for data in DATA_SETS:
        for noise in NOISES:
            rows = {
                m: [r for r in results if (r["data"], r["noise"], r["method"]) == (data, noise, m)]
                for m in methods
            }
            if all(rows[m] for m in methods if m != "BM3D"):
                lines.append(f"| {data} | {noise} | {' | '.join(cells(rows))} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with fashion_mnist/ and cifar10.npz")
    parser.add_argument("--results", default="denoise_small.jsonl")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data-sets", nargs="+", default=list(DATA_SETS), choices=DATA_SETS)
    parser.add_argument("--noises", nargs="+", default=list(NOISES), choices=list(NOISES))
    parser.add_argument("--n-train", type=int, default=10_000)
    parser.add_argument("--n-test", type=int, default=10_000)
    parser.add_argument("--n-bm3d", type=int, default=200, help="test images that BM3D filters")
    parser.add_argument("--no-bm3d", action="store_true", help="leave BM3D out, which is slow")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()

    methods = ["noisy", "best filter", *NETWORKS]
    if "bm3d" in available_filters() and not args.no_bm3d:
        methods.insert(2, "BM3D")
    jobs = [
        {"data": data, "noise": noise, "method": method, "seed": seed}
        for seed in args.seeds
        for data in args.data_sets
        for noise in args.noises
        for method in methods
        if method not in ("noisy", "BM3D") or seed == args.seeds[0]
    ]
    print(table(resume(args.results, jobs, partial(run, args=args), args.jobs), args.n_bm3d))


if __name__ == "__main__":
    main()
