"""The data path: no copies of the images, whole batches."""

import tracemalloc

import numpy as np
import pytest
from small import BatchRecorder, as_uint, colour, gray, small_cae

from sklearn_cae import Autoencoder, ConvEncoder, NoiseInjector
from sklearn_cae.images import LazyImages

LEVELS = as_uint(colour(), np.uint8)
CHANNELS_FIRST = np.ascontiguousarray(LEVELS.transpose(0, 3, 1, 2))

LAYOUTS = {
    "(n, H, W, C)": (LEVELS, {}),
    "(n, C, H, W)": (CHANNELS_FIRST, {"channel_axis": 1}),
    "(n, H, W)": (as_uint(gray(), np.uint16), {}),
    "rows": (LEVELS.reshape(24, -1), {"image_shape": (8, 8, 3)}),
    "columns": (np.asfortranarray(LEVELS.reshape(24, -1)), {"image_shape": (8, 8, 3)}),
    "every second image": (LEVELS[::2], {}),
    "float64": (colour().astype(np.float64), {}),
}


def training_data(*targets, **params):
    """The stacks of images that a network is trained on."""
    recorder = BatchRecorder()
    small_cae(callbacks=[recorder], **params).fit(*targets)
    return recorder.images.pictures.stacks


@pytest.mark.parametrize(("images", "params"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_network_is_fed_from_the_memory_of_the_user(images, params):
    (clean,) = training_data(images, **params)
    assert np.shares_memory(clean, images)


def test_pairs_are_fed_from_the_memory_of_the_user():
    noisy = LEVELS[::-1].copy()
    kept = training_data(noisy, LEVELS)
    for images, given in zip(kept, (noisy, LEVELS), strict=True):
        assert np.shares_memory(images, given)


def test_of_noisy_images_the_clean_ones_are_kept_alone():
    noisy = NoiseInjector(random_state=0).fit_transform(LEVELS)
    (clean,) = training_data(noisy)
    assert np.shares_memory(clean, LEVELS)


def test_memory_mapped_images_are_not_read_into_memory(tmp_path):
    np.save(tmp_path / "images.npy", LEVELS)
    (clean,) = training_data(np.load(tmp_path / "images.npy", mmap_mode="r"))
    assert isinstance(clean, LazyImages)


def smallest_cae(**params):
    return small_cae(Autoencoder(ConvEncoder((1,), code_channels=1)), **params)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score_samples"])
def test_uint8_images_are_never_copied_whole(method):
    images = np.random.default_rng(0).integers(0, 256, (8000, 16, 16), dtype=np.uint8)
    cae = smallest_cae(batch_size=400).fit(images[:8])
    tracemalloc.start()
    getattr(cae, method)(images)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # numpy's memory alone is traced. Here: the order of the images and one batch.
    assert peak < images.nbytes / 2


def test_predictions_take_the_memory_of_their_result():
    images = np.random.default_rng(0).integers(0, 256, (8000, 16, 16), dtype=np.uint8)
    cae = smallest_cae().fit(images[:8])
    tracemalloc.start()
    cae.predict(images)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert images.nbytes <= peak < 1.5 * images.nbytes


# What is not an array of floats or of levels in the byte order of the machine is copied once.
COPIED = {"a list of images": list, "another byte order": lambda images: images.astype(">f8")}


@pytest.mark.parametrize("method", ["fit", "predict", "transform"])
@pytest.mark.parametrize("kind", ["as they are", *COPIED])
def test_float64_images_and_lists_are_copied_at_most_once(kind, method):
    images = np.random.default_rng(0).random((8000, 16, 16))
    cae = smallest_cae(batch_size=400).fit(images[:8])
    given = COPIED.get(kind, np.asarray)(images)
    tracemalloc.start()
    result = getattr(cae, method)(given)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Beside the result: the copy, and some batches.
    needed = (kind in COPIED) * images.nbytes + getattr(result, "nbytes", 0)
    assert peak < needed + 0.4 * images.nbytes


def test_batches_are_whole():
    recorder = BatchRecorder()
    small_cae(callbacks=[recorder], validation_fraction=0.25).fit(LEVELS)
    # 18 of 24 images in batches of at most 8.
    assert [len(clean) for _, clean in recorder.train] == [6, 6, 6]
    assert [len(clean) for _, clean in recorder.valid] == [6]
