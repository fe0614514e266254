"""Arrays that are read when they are sliced, as HDF5, zarr and dask give them."""

import dask.array
import h5py
import numpy as np
import zarr


class Slices:
    """The least that is read lazily: shape, dtype and slices; it counts what is read.

    Parameters
    ----------
    images : ndarray
        What it gives.
    chunks : tuple of int, default=None
        What it says of its chunks.

    Attributes
    ----------
    reads : list of tuple of int
        Start and stop of each slice that was read.
    """

    def __init__(self, images, chunks=None):
        self.images = images
        self.shape = images.shape
        self.dtype = images.dtype
        self.reads = []
        if chunks is not None:
            self.chunks = chunks

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.reads.append((rows.start, rows.stop))
        return self.images[rows].copy()

    @property
    def n_read(self):
        return sum(stop - start for start, stop in self.reads)


def memory_map(images, folder):
    np.save(folder / "images.npy", images)
    return np.load(folder / "images.npy", mmap_mode="r")


def hdf5(images, folder):
    with h5py.File(folder / "images.h5", "w") as file:
        file.create_dataset("images", data=images, chunks=(5, *images.shape[1:]))
    return h5py.File(folder / "images.h5")["images"]


def zarr_array(images, folder, name="images.zarr", **options):
    """As zarr 2 and zarr 3 both make it."""
    chunks = (5, *images.shape[1:])
    size = {"shape": images.shape, "dtype": images.dtype, "chunks": chunks}
    array = zarr.open_array(str(folder / name), mode="w", **size, **options)
    array[:] = images
    return array


def zarr_array_of_format_2(images, folder):
    return zarr_array(images, folder, zarr_format=2)


def dask_array(images, folder):
    return dask.array.from_array(images, chunks=(5, *images.shape[1:]))


KINDS = {
    "memory map": memory_map,
    "h5py": hdf5,
    "zarr": zarr_array,
    **({"zarr, format 2": zarr_array_of_format_2} if zarr.__version__ >= "3" else {}),
    "dask": dask_array,
    "own class": lambda images, folder: Slices(images),
}


def make_blocks_small(monkeypatch):
    """Blocks of eight images of 8 x 8 pixels in uint8, and windows of four; or as many bytes."""
    monkeypatch.setattr("sklearn_cae.images._lazy.CHUNK_VALUES", 8 * 64)
    monkeypatch.setattr("sklearn_cae.images._blocks.BLOCK_BYTES", 8 * 64)
    monkeypatch.setattr("sklearn_cae.images._blocks.WINDOW_BYTES", 4 * 8 * 64)
    monkeypatch.setattr("sklearn_cae.images._blocks.MIN_WINDOW", 2)
