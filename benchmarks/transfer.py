"""Denoising with a frozen, pretrained VGG16 beside the default encoder, from few images.

CIFAR-10 with Gaussian noise, uint8 in and out. Each network trains on the same ``--n-train``
training images, as long as ``max_epochs="auto"`` says or for ``--epochs`` passes; the time of a
training is in the table, in seconds of the processor. Frozen encoders have the weights of
``--weights`` or, to tell what the pretraining gives, random ones. *perceptual* is the default
autoencoder trained with ``PerceptualLoss`` of that weight, and *none* the noisy images. Figures are
means over the test images, mean ± standard deviation over the seeds. Each result is one line of
``--results``; what is there already is not run again.

    python benchmarks/transfer.py DATA --weights vgg16_features.safetensors --seeds 0 1 2
"""

import argparse
import time
from functools import partial

import numpy as np
import torch
from _data import load
from _results import resume, spread

from sklearn_cae import (
    Autoencoder,
    DenoisingCAE,
    NoiseInjector,
    PerceptualLoss,
    UNet,
    VGG16Encoder,
)
from sklearn_cae.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn_cae.noise import GaussianNoise

NETWORKS = {"autoencoder": Autoencoder, "U-Net": UNet}
PERCEPTUAL_WEIGHTS = (0.01, 0.1)
TEST_SEED = 2**31


def networks(args):
    """Parameters of each training by its name."""
    table = {name: {"network": network()} for name, network in NETWORKS.items()}
    for weight in PERCEPTUAL_WEIGHTS:
        loss = PerceptualLoss(weight, blocks=3, weights=args.weights)
        table[f"autoencoder, perceptual {weight}"] = {"loss": loss}
    for n_blocks in args.blocks:
        for origin, weights in (("pretrained", args.weights), ("random", None)):
            for name, network in NETWORKS.items():
                encoder = VGG16Encoder(n_blocks, weights=weights)
                table[f"{name}, VGG16, {n_blocks} blocks, {origin}"] = {"network": network(encoder)}
    return table


def quality(clean, images):
    return {
        "psnr": peak_signal_noise_ratio(clean, images, data_range=255),
        "ssim": structural_similarity(clean, images, data_range=255),
    }


def run(job, args):
    torch.set_num_threads(args.threads)
    x_train, _, x_test, _ = load("cifar10", args.data)
    clean, noise = x_test[: args.n_test], GaussianNoise(job["noise"])
    noisy = np.asarray(NoiseInjector(noise, random_state=TEST_SEED).corrupt(clean))
    if job["network"] == "none":
        return {**job, **quality(clean, noisy)}
    chosen = np.random.default_rng(job["seed"]).permutation(len(x_train))[: job["n_train"]]
    start = time.process_time()
    cae = DenoisingCAE(
        noise=noise,
        max_epochs=args.epochs or "auto",
        validation_fraction=0,
        for_codes=True,
        random_state=job["seed"],
        device=args.device,
        **networks(args)[job["network"]],
    ).fit(x_train[chosen])
    seconds = time.process_time() - start
    return {
        **job,
        "seconds": seconds,
        "trained": cae.n_parameters_,
        "total": cae.n_total_parameters_,
        **quality(clean, cae.predict(noisy)),
    }


def table(results):
    """Markdown table; mean and, where there are several seeds, the standard deviation."""
    lines = [
        "| noise | images | network | PSNR | SSIM | trained / all parameters | CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    for key in dict.fromkeys((r["noise"], r["n_train"], r["network"]) for r in results):
        noise, n_train, network = key
        rows = [r for r in results if (r["noise"], r["n_train"], r["network"]) == key]
        cells = [spread([r["psnr"] for r in rows], 2), spread([r["ssim"] for r in rows], 3)]
        if network != "none":
            seconds = np.mean([r["seconds"] for r in rows])
            cells += [f"{rows[0]['trained']} / {rows[0]['total']}", f"{seconds:.0f}"]
        else:
            cells += ["", ""]
        lines.append(f"| {noise} | {n_train} | {network} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with cifar10.npz")
    parser.add_argument("--weights", required=True, help="state dict of VGG16, or 'imagenet'")
    parser.add_argument("--results", default="transfer.jsonl")
    parser.add_argument("--blocks", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--noise", type=float, nargs="+", default=[0.25])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--n-train", type=int, nargs="+", default=[50, 200, 1000])
    parser.add_argument("--n-test", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, help="passes, instead of 'auto'")
    parser.add_argument("--without", nargs="+", default=[], help="parts of names, not run")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()

    jobs = [
        {"noise": std, "n_train": n_train, "network": network, "seed": seed}
        for std in args.noise
        for n_train in args.n_train
        for network in ("none", *networks(args))
        if not any(part in network for part in args.without)
        for seed in (args.seeds if network != "none" else args.seeds[:1])
    ]
    print(table(resume(args.results, jobs, partial(run, args=args))))


if __name__ == "__main__":
    main()
