"""Train the denoisers that come with the package, on photographs.

One network, blind over all levels of Gaussian noise from 0 to 55 of 255; half of the images are
clipped and rounded to whole levels, as files are. The learning rate falls from its peak to zero
over ``--epochs``, along a cosine. What is trained is written to ``--checkpoint`` now and then; the
same command goes on from there, until ``--minutes`` of processor time are used up in this run. At
the end of the last epoch the weights are written in half precision to ``--out``.

``--start FILE`` begins with the weights of such a file, for a further round. It needs patches and
noise of its own, so another ``--seed``. Of several files it takes the mean; ``--epochs 0`` writes
that.

    python benchmarks/train_pretrained.py DATA --name natural-gray --epochs 400
"""

import argparse
import math
import os
import time

import joblib
import numpy as np
import torch
from _photographs import training_photographs
from sklearn.base import clone

from sklearn_cae import DenoisingCAE, NoiseModel, Patches, ResUNet, load
from sklearn_cae.noise import draw_level, draw_normal, draw_uniform
from sklearn_cae.persistence import write_pretrained

HIGHEST_LEVEL = 55 / 255


class FileNoise(NoiseModel):
    """Gaussian noise, of which a share of the images is clipped and rounded to levels of 8 bits."""

    limits = {"std": 1, "share": 1}

    def __init__(self, std, share=0.5, *, clip=False):
        self.std = std
        self.share = share
        self.clip = clip

    def _corrupt(self, images, generator):
        noisy = images + draw_level(self.std, images, generator) * draw_normal(images, generator)
        written = draw_uniform(images[:, :1, :1, :1], generator) < self.share
        return torch.where(written, noisy.mul(255).round().clamp(0, 255).div(255), noisy)


class LogSquaredError(torch.nn.Module):
    """Mean logarithm of the squared error of each patch, so that all levels of noise count alike.

    This is the PSNR up to a factor. Errors far below that of rounding to 8 bits no longer count.
    """

    floor = (0.5 / 255) ** 2

    def forward(self, denoised, clean):
        return (denoised - clean).square().mean((1, 2, 3)).add(self.floor).log().mean()


def new_denoiser(args):
    return DenoisingCAE(
        ResUNet(tuple(args.channels), blocks=args.blocks),
        noise=FileNoise((0.0, HIGHEST_LEVEL)),
        loss=LogSquaredError if args.loss == "log-mse" else args.loss,
        optimizer=args.optimizer,
        patches=Patches(args.size, per_image=args.per_image),
        batch_size=args.batch_size,
        for_codes=True,
        random_state=args.seed,
    )


def rate(step, args):
    """Learning rate of an epoch: a short rise, then a cosine down to zero."""
    share = (step + 0.5) / args.epochs
    rise = min(1, share / args.rise)
    return args.lr * rise * 0.5 * (1 + math.cos(math.pi * share))


def validate(cae, photographs, sigma=25):
    """Mean PSNR in dB of held-out photographs, noise unclipped, range 0 to 255."""
    psnr = []
    for i, clean in enumerate(photographs):
        noise = np.random.default_rng(i).normal(0, sigma, clean.shape)
        denoised = cae.predict([clean + noise])[0]
        psnr.append(10 * np.log10(255**2 / np.square(denoised - clean).mean()))
    return np.mean(psnr)


def save(state, path):
    part = f"{path}.part"
    joblib.dump(state, part)
    os.replace(part, path)


def train(args):
    training, held_out = training_photographs(args.data, gray=args.name.endswith("gray"))
    if os.path.exists(args.checkpoint):
        state = joblib.load(args.checkpoint)
        print(f"going on after {state['epoch']} epochs, {state['seconds'] / 3600:.2f} CPU hours")
    else:
        state = {"epoch": 0, "seconds": 0.0, "cae": new_denoiser(args)}
        if args.start:
            state["cae"] = warm(state["cae"], args.start, training)
    start = time.process_time()
    while state["epoch"] < args.epochs and time.process_time() - start < 60 * args.minutes:
        before = time.process_time()
        cae = state["cae"].set_params(lr=rate(state["epoch"], args))
        cae.partial_fit(training)
        state["epoch"] += 1
        state["seconds"] += time.process_time() - before
        if state["epoch"] % args.every == 0 or state["epoch"] == args.epochs:
            print(
                f"epoch {state['epoch']} CPU s {state['seconds']:.0f} "
                f"loss {cae.history_['train_loss'][-1]:.5f} "
                f"held-out PSNR at 25: {validate(cae, held_out):.3f}",
                flush=True,
            )
            save(state, args.checkpoint)
    save(state, args.checkpoint)
    if state["epoch"] == args.epochs:
        write_pretrained(state["cae"], args.out)
        print(f"{args.out}: {os.path.getsize(args.out) / 2**20:.2f} MiB")


def warm(cae, paths, training):
    """The denoiser with the mean weights of some files, before its first step."""
    started = [load(path, device="cpu").net_.module_.state_dict() for path in paths]
    cae = clone(cae).set_params(lr=1e-12).partial_fit(training[:1])
    mean = {name: sum(s[name] for s in started) / len(started) for name in started[0]}
    cae.net_.module_.load_state_dict(mean)
    return cae


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with cbsd432_train/")
    parser.add_argument("--name", default="natural-gray", choices=["natural-gray", "natural-color"])
    parser.add_argument("--channels", type=int, nargs="+", default=[32, 40])
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--loss", default="l1", help='a name of the package, or "log-mse"')
    parser.add_argument("--optimizer", default="auto")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--per-image", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--rise", type=float, default=0.02)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--every", type=int, default=5, help="epochs from one print to the next")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", nargs="+", help="files of weights to begin with their mean")
    parser.add_argument("--checkpoint", help="default: NAME.joblib")
    parser.add_argument("--out", help="default: NAME.safetensors")
    args = parser.parse_args()
    args.checkpoint = args.checkpoint or f"{args.name}.joblib"
    args.out = args.out or f"{args.name}.safetensors"
    torch.set_num_threads(args.threads)
    train(args)


if __name__ == "__main__":
    main()
