"""Time to draw noise, beside the first convolution of the default network, in one run.

A batch of 128 images of 32 x 32 x 3, as a training has it in memory. The convolution makes 32 maps,
in bfloat16, and the gradient of its weights. All are timed in turn, so that each finds the caches
as the others leave them. Printed are medians of processor times relative to the convolution of the
same turn, with the tenth and the ninetieth percentile.

    python benchmarks/noise_cost.py
"""

import argparse
import time

import numpy as np
import torch

from sklearn_cae.noise import (
    CutOut,
    EraseColor,
    Flip,
    GaussianBlur,
    GaussianNoise,
    MaskingNoise,
    PoissonGaussianNoise,
    PoissonNoise,
    QuarterTurns,
    SaltAndPepperNoise,
    SpeckleNoise,
)
from sklearn_cae.training._memory import keep_freed_memory

MODELS = [
    GaussianNoise(0.1),
    GaussianNoise((0, 0.2)),
    SpeckleNoise(0.1),
    PoissonNoise(50),
    PoissonNoise((5, 100)),
    PoissonNoise(200),
    PoissonGaussianNoise(0.02, read_std=0.05),
    PoissonGaussianNoise((0.01, 0.05), read_std=(0.01, 0.05)),
    SaltAndPepperNoise(0.1),
    MaskingNoise(0.1),
    GaussianBlur(1),
    GaussianBlur((0, 2)),
    GaussianBlur((0, 5)),
    CutOut(),
    EraseColor(),
    QuarterTurns(),
    Flip(),
]


class FirstConvolution:
    """A convolution and the gradient of its weights."""

    def __init__(self, images, n_maps=32):
        self.images = images
        conv = torch.nn.Conv2d(images.shape[1], n_maps, 3, padding=1, bias=False)
        self.conv = conv.to(memory_format=torch.channels_last)
        maps = torch.randn(len(images), n_maps, *images.shape[2:], dtype=torch.bfloat16)
        self.gradient = maps.contiguous(memory_format=torch.channels_last)

    def __call__(self):
        self.conv.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            maps = self.conv(self.images)
        maps.backward(self.gradient)


def seconds_of(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=100)
    args = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as fit does
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(128, 3, 32, 32, generator=generator)
    images = images.contiguous(memory_format=torch.channels_last)
    convolution = FirstConvolution(images)
    times = []
    for _ in range(args.repeats + 3):
        noise = [
            seconds_of(lambda model=model: model.corrupt(images, generator)) for model in MODELS
        ]
        times.append([seconds_of(convolution), *noise])
    times = np.array(times[3:])
    ratios = times[:, 1:] / times[:, :1]
    print(f"first convolution: {1000 * np.median(times[:, 0]):.1f} ms")
    for model, ratio in zip(MODELS, ratios.T, strict=True):
        low, median, high = np.quantile(ratio, [0.1, 0.5, 0.9])
        print(f"{median:.2f} ({low:.2f} to {high:.2f})  {model}")


if __name__ == "__main__":
    main()
