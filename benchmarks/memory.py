"""Peak memory of ``fit`` on uint8 images: the data plus a constant.

Fits on two numbers of images, each in a process of its own, and compares the growth of the peak
resident memory with the growth of the data.

    python benchmarks/memory.py
"""

import multiprocessing
import resource

import numpy as np

from sklearn_cae import Autoencoder, ConvEncoder, DenoisingCAE

SHAPE = (64, 64, 3)


def peak_mib(n_images):
    """Peak resident memory in MiB of a process that makes images and fits, on Linux."""
    images = np.random.default_rng(0).integers(0, 256, (n_images, *SHAPE), dtype=np.uint8)
    network = Autoencoder(ConvEncoder((8, 16), code_channels=16))
    # Random images cannot be denoised: without `for_codes` a warning says so.
    DenoisingCAE(network, max_epochs=1, for_codes=True, random_state=0).fit(images)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    context = multiprocessing.get_context("spawn")
    sizes = (2_000, 16_000)
    peaks = []
    for n_images in sizes:
        with context.Pool(1) as pool:
            peaks.append(pool.apply(peak_mib, (n_images,)))
        print(
            f"{n_images} images: {n_images * np.prod(SHAPE) / 2**20:.0f} MiB of data, "
            f"peak {peaks[-1]:.0f} MiB"
        )
    grown = (sizes[1] - sizes[0]) * np.prod(SHAPE) / 2**20
    print(f"the peak grew by {(peaks[1] - peaks[0]) / grown:.2f} times the growth of the data")


if __name__ == "__main__":
    main()
