"""Time and memory of a training step: VGG16 frozen, unfrozen, and the default encoder.

Each network trains in a process of its own on random uint8 colour images, VGG16 with random
weights. The time is the median of single steps, without the first. The memory is the peak of the
process above what it had before the fit: resident memory on the CPU (on Linux), memory that torch
has allocated on CUDA.

    python benchmarks/vgg_cost.py --blocks 3
"""

import argparse
import multiprocessing
import resource
import time

import numpy as np
import torch
from skorch.callbacks import Callback

from sklearn_cae import Autoencoder, ConvEncoder, DenoisingCAE, PerceptualLoss, VGG16Encoder


def networks(n_blocks):
    """Parameters of each training by its name."""

    def vgg16(trainable_blocks):
        return Autoencoder(VGG16Encoder(n_blocks, trainable_blocks=trainable_blocks, weights=None))

    return {
        "default encoder": {},
        "VGG16 frozen": {"network": vgg16(0)},
        "VGG16, last block trained": {"network": vgg16(1)},
        "VGG16 unfrozen": {"network": vgg16(n_blocks)},
        "default encoder, perceptual loss": {"loss": PerceptualLoss(blocks=n_blocks, weights=None)},
    }


class StepTimer(Callback):
    """Seconds of each training step."""

    def __init__(self):
        self.seconds = []

    def on_batch_begin(self, net, training=None, **kwargs):
        _synchronize()
        self.start = time.perf_counter()

    def on_batch_end(self, net, training=None, **kwargs):
        _synchronize()
        self.seconds.append(time.perf_counter() - self.start)


def _synchronize():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_mib(device):
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(params, args):
    """Median milliseconds of a step, MiB of the peak, trained and all parameters."""
    torch.set_num_threads(args.threads)
    shape = (args.steps * args.batch_size, args.size, args.size, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    # What a first fit loads and keeps is not of the network.
    tiny = Autoencoder(ConvEncoder((1,), code_channels=1))
    options = {"max_epochs": 1, "for_codes": True, "device": args.device}
    DenoisingCAE(tiny, **options).fit(images[:2])
    before, timer = peak_mib(args.device), StepTimer()
    cae = DenoisingCAE(
        batch_size=args.batch_size,
        validation_fraction=0,
        callbacks=[timer],
        random_state=0,
        **options,
        **params,
    ).fit(images)
    milliseconds = 1e3 * np.median(timer.seconds[1:])
    memory = peak_mib(args.device) - before
    return milliseconds, memory, cae.n_parameters_, cae.n_total_parameters_


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--size", type=int, default=32, help="side of the images in pixels")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    print("| network | trained / all parameters | ms a step | peak MiB |\n|---|---|---|---|")
    for name, params in networks(args.blocks).items():
        with context.Pool(1) as pool:
            milliseconds, memory, trained, total = pool.apply(measure, (params, args))
        print(f"| {name} | {trained} / {total} | {milliseconds:.1f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
