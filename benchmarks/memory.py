"""Peak memory of ``fit`` and of ``predict`` on uint8 images.

``fit`` needs the data plus a constant: it runs on two numbers of images, and the growth of the peak
resident memory is compared with the growth of the data. ``predict`` needs a constant beyond a
photograph of 24 megapixels and its result. Each runs in a process of its own, on Linux.

    python benchmarks/memory.py
"""

import multiprocessing
import resource
from time import perf_counter

import numpy as np

from sklearn_cae import Autoencoder, ConvEncoder, DenoisingCAE, ResUNet, UNet

SHAPE = (64, 64, 3)
PHOTOGRAPH = (1, 4000, 6000, 3)
NETWORKS = {"Autoencoder()": Autoencoder, "ResUNet()": ResUNet, "UNet()": UNet}


def random_images(shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def fitted(network, images):
    """A network after one pass over random images, of which nothing can be learned."""
    # Without `for_codes` a warning says so.
    return DenoisingCAE(network, max_epochs=1, for_codes=True, random_state=0).fit(images)


def peak_mib():
    """Peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak_of_fit(n_images):
    """Peak in MiB of a process that makes images and fits."""
    network = Autoencoder(ConvEncoder((8, 16), code_channels=16))
    fitted(network, random_images((n_images, *SHAPE)))
    return peak_mib()


def growth_of_predict(name):
    """How much the peak grows in ``predict``, in MiB, and how long that takes in seconds."""
    # Small ones: what fit needs must not hide what predict needs.
    cae = fitted(NETWORKS[name](), random_images((16, 16, 16, 3)))
    photograph = random_images(PHOTOGRAPH)
    before, start = peak_mib(), perf_counter()
    cae.predict(photograph)
    return peak_mib() - before, perf_counter() - start


def in_a_process(function, argument):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, (argument,))


def main():
    sizes = (2_000, 16_000)
    peaks = []
    for n_images in sizes:
        peaks.append(in_a_process(peak_of_fit, n_images))
        print(
            f"{n_images} images: {n_images * np.prod(SHAPE) / 2**20:.0f} MiB of data, "
            f"peak {peaks[-1]:.0f} MiB"
        )
    grown = (sizes[1] - sizes[0]) * np.prod(SHAPE) / 2**20
    print(f"the peak grew by {(peaks[1] - peaks[0]) / grown:.2f} times the growth of the data")

    result = np.prod(PHOTOGRAPH) / 2**20
    for name in NETWORKS:
        growth, seconds = in_a_process(growth_of_predict, name)
        print(
            f"predict of {PHOTOGRAPH} by {name}: {growth - result:.0f} MiB beyond the photograph "
            f"and its result, {seconds:.0f} s"
        )


if __name__ == "__main__":
    main()
