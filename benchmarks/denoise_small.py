"""PSNR and SSIM of the bottleneck and the skip network beside classical filters.

Fashion-MNIST and CIFAR-10, six corruptions, several seeds; everything is uint8, clean and noisy.
A network trains on ``--n-train`` training images for ``--epochs`` passes with one thread; its time
is in CPU seconds. The classical filter and its parameters are chosen on 100 training images.
Figures are means over the whole test set. Each result is one line of ``--results``; what is there
already is not run again.

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
from sklearn_cae.classical import CLASSICAL_METHODS
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
NETWORKS = {
    "bottleneck": {},
    "skip": {"skip_connections": True, "residual": True},
}
TEST_SEED = 2**31
# Digits of the table.
QUALITY = {"psnr": 2, "ssim": 3}


def quality(clean, images):
    return {
        "psnr": peak_signal_noise_ratio(clean, images, data_range=255),
        "ssim": structural_similarity(clean, images, data_range=255),
    }


def run(job, args):
    torch.set_num_threads(1)
    x_train, _, x_test, _ = load(job["data"], args.data)
    noise, seed = NOISES[job["noise"]], job["seed"]
    noisy = np.asarray(NoiseInjector(noise, random_state=TEST_SEED).corrupt(x_test))
    if job["method"] == "noisy":
        return {**job, **quality(x_test, noisy)}
    images = x_train[np.random.default_rng(seed).permutation(len(x_train))[: args.n_train]]
    start = time.process_time()
    if job["method"] == "classical":
        pairs = NoiseInjector(noise, random_state=seed).fit_transform(images[:100])
        # BM3D is not for everyone to install.
        methods = [method for method in CLASSICAL_METHODS if method != "bm3d"]
        filters = [ClassicalDenoiser(method).fit(pairs) for method in methods]
        denoiser = max(filters, key=lambda f: f.psnr_)
        detail = f"{denoiser.method} {denoiser.params_}"
    else:
        denoiser = DenoisingCAE(
            noise=noise, max_epochs=args.epochs, random_state=seed, **NETWORKS[job["method"]]
        ).fit(images)
        detail = f"{denoiser.n_parameters_} parameters"
    seconds = time.process_time() - start
    return {**job, **quality(x_test, denoiser.predict(noisy)), "s": seconds, "detail": detail}


def table(results):
    """Markdown table; mean and, where there are several seeds, the standard deviation."""
    methods = ("noisy", "classical", *NETWORKS)
    lines = [
        "| data | noise | "
        + " | ".join(f"{m} PSNR / SSIM" for m in methods)
        + " | classical filter "
        "| training bottleneck / skip, s |",
        "|" + "---|" * (len(methods) + 4),
    ]
    for data in ("fashion_mnist", "cifar10"):
        for noise in NOISES:
            rows = {
                m: [r for r in results if (r["data"], r["noise"], r["method"]) == (data, noise, m)]
                for m in methods
            }
            if not all(rows.values()):
                continue
            cells = [
                " / ".join(spread([r[key] for r in rows[m]], n) for key, n in QUALITY.items())
                for m in methods
            ]
            chosen = sorted({r["detail"].split(" ")[0] for r in rows["classical"]})
            seconds = " / ".join(f"{np.mean([r['s'] for r in rows[m]]):.0f}" for m in NETWORKS)
            lines.append(
                f"| {data} | {noise} | {' | '.join(cells)} | {', '.join(chosen)} | {seconds} |"
            )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with fashion_mnist/ and cifar10.npz")
    parser.add_argument("--results", default="denoise_small.jsonl")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--n-train", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()

    jobs = [
        {"data": data, "noise": noise, "method": method, "seed": seed}
        for seed in args.seeds
        for data in ("fashion_mnist", "cifar10")
        for noise in NOISES
        for method in ("noisy", "classical", *NETWORKS)
        if method != "noisy" or seed == args.seeds[0]
    ]
    print(table(resume(args.results, jobs, partial(run, args=args), args.jobs)))


if __name__ == "__main__":
    main()
