"""Peak memory of ``fit`` and of ``predict`` on uint8 images.

``fit`` needs the data plus a constant: it runs on two numbers of images, and the growth of the peak
resident memory is compared with the growth of the data. ``predict`` needs a constant beyond a
photograph of 24 megapixels and its result. Each runs in a process of its own, on Linux.

Of images of 32 x 32 x 3 in a memory map ``fit`` and ``predict`` into another need a constant. What
is learned from such a map, whose windows of 64 MiB hold about a quarter of the images, is compared
with what is learned from memory, by the PSNR on patches of other photographs: stored in random
order, and photograph by photograph.

    python benchmarks/memory.py
    python benchmarks/memory.py --only on-disk --images 10000 100000 1000000
"""

import argparse
import multiprocessing
import resource
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from sklearn_cae import Autoencoder, ConvEncoder, DenoisingCAE, ResUNet, UNet
from sklearn_cae.datasets import load_natural_patches

SHAPE = (64, 64, 3)
SHAPE_ON_DISK, BLOCK = (32, 32, 3), 5_000
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


def write_images(path, n_images):
    """Write random images to a file of numpy, block by block."""
    rng = np.random.default_rng(0)
    out = np.lib.format.open_memmap(path, "w+", np.uint8, (n_images, *SHAPE_ON_DISK))
    for start in range(0, n_images, BLOCK):
        block = out[start : start + BLOCK]
        block[:] = rng.integers(0, 256, block.shape, dtype=np.uint8)


def peak_on_disk(path):
    """Peak in MiB, and seconds, of a process that fits on a file and writes what it predicts."""
    images = np.load(path, mmap_mode="r")
    out = np.lib.format.open_memmap(f"{path}.out.npy", "w+", images.dtype, images.shape)
    network = Autoencoder(ConvEncoder((4, 8), code_channels=8))
    start = perf_counter()
    cae = DenoisingCAE(network, max_epochs=1, batch_size=256, for_codes=True, random_state=0)
    cae.fit(images).predict(images, out=out)
    return peak_mib(), perf_counter() - start


def compare_quality(folder, n_images, max_epochs):
    """PSNR in dB on other photographs, learned from memory and from files in two orders."""
    patches = load_natural_patches(n_patches=n_images)
    test = load_natural_patches(n_patches=500, subset="test").images / 255
    images = patches.images / 255
    by_photograph = images[np.argsort(patches.sources, kind="stable")]
    np.save(folder / "random.npy", images)
    np.save(folder / "sorted.npy", by_photograph)
    given = {
        "memory": images,
        "a file in random order": np.load(folder / "random.npy", mmap_mode="r"),
        "a file photograph by photograph": np.load(folder / "sorted.npy", mmap_mode="r"),
    }
    print(f"{n_images} images, {images.nbytes / 2**20:.0f} MiB, {max_epochs} epochs:")
    for name, X in given.items():
        scores = [
            DenoisingCAE(UNet((8, 16)), max_epochs=max_epochs, random_state=seed).fit(X).score(test)
            for seed in range(2)
        ]
        print(f"  {np.mean(scores):.2f} dB from {name} ({', '.join(f'{s:.2f}' for s in scores)})")


def in_a_process(function, *arguments):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def measure_on_disk(options):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n_images in options.images:
            path = folder / f"{n_images}.npy"
            in_a_process(write_images, path, n_images)
            peak, seconds = in_a_process(peak_on_disk, path)
            print(
                f"{n_images} images in a memory map, "
                f"{n_images * np.prod(SHAPE_ON_DISK) / 2**20:.0f} MiB: fit and predict have a peak "
                f"of {peak:.0f} MiB, {seconds:.0f} s"
            )
            for file in folder.iterdir():
                file.unlink()
        compare_quality(folder, options.quality_images, options.quality_epochs)


def measure_in_memory():
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=["in-memory", "on-disk"])
    parser.add_argument("--images", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--quality-images", type=int, default=10_000)
    parser.add_argument("--quality-epochs", type=int, default=3)
    options = parser.parse_args()
    if options.only != "on-disk":
        measure_in_memory()
    if options.only != "in-memory":
        measure_on_disk(options)


if __name__ == "__main__":
    main()
