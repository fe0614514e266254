"""Arrays that do not fit in memory: training, results and bad input."""

import gc
import pickle
import tracemalloc
import weakref

import h5py
import numpy as np
import pytest
from lazy import KINDS, Slices, make_blocks_small, memory_map, zarr_array
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from small import (
    BatchRecorder,
    as_uint,
    assert_same_weights,
    colour,
    gray,
    small_cae,
    small_unet,
    weights,
)

from sklearn_cae import (
    Autoencoder,
    CAEOutlierDetector,
    ConvEncoder,
    GaussianNoise,
    LatentSampler,
    LayerFeatures,
    NoiseInjector,
    Patches,
)

# 96 images in twelve blocks of eight; windows hold four.
X = as_uint(gray(96), np.uint8)
NOISY = np.asarray(NoiseInjector(random_state=0).fit_transform(X))


@pytest.fixture
def _small_blocks(monkeypatch):
    make_blocks_small(monkeypatch)


small_blocks = pytest.mark.usefixtures("_small_blocks")
IN_MEMORY = small_cae().fit(X)


# --- the same as from memory


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_fits_into_a_window_is_learned_as_from_memory(kind, tmp_path):
    assert_same_weights(small_cae().fit(kind(X, tmp_path)), IN_MEMORY)


@pytest.mark.parametrize("method", ["predict", "transform", "score_samples", "feature_maps"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_results_are_those_of_arrays_in_memory(kind, method, tmp_path):
    result = getattr(IN_MEMORY, method)(kind(X, tmp_path))
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, getattr(IN_MEMORY, method)(X))


@small_blocks
@pytest.mark.parametrize("method", ["predict", "transform", "score_samples"])
def test_results_do_not_depend_on_blocks(method):
    result = getattr(IN_MEMORY, method)(Slices(X))
    # Batches are those of an array in memory.
    np.testing.assert_array_equal(result, getattr(IN_MEMORY, method)(X))


@small_blocks
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_scores_are_those_of_arrays_in_memory(kind, tmp_path):
    # Blocks are batches of other sizes than those of an array, which rounding may tell.
    assert IN_MEMORY.score(kind(X, tmp_path)) == pytest.approx(IN_MEMORY.score(X), abs=1e-4)
    expected = IN_MEMORY.score(NOISY, X)
    for clean in (X, Slices(X)):
        assert IN_MEMORY.score(Slices(NOISY), clean) == pytest.approx(expected, abs=1e-4)


LAYOUTS = {
    "rows": (X.reshape(96, 64), {"image_shape": (8, 8)}),
    "uint16 of a sensor": (X.astype(np.uint16) * 16, {}),
    "channels first": (as_uint(colour(40), np.uint8).transpose(0, 3, 1, 2), {"channel_axis": 1}),
    "float16": (gray(40).astype(np.float16), {}),
}


@pytest.mark.parametrize(("images", "params"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_and_units_are_those_of_arrays_in_memory(images, params):
    expected = small_cae(**params).fit(images)
    cae = small_cae(**params).fit(Slices(images))
    assert_same_weights(cae, expected)
    assert (cae.image_spec_, cae.n_features_in_) == (expected.image_spec_, expected.n_features_in_)
    denoised = cae.predict(Slices(images))
    np.testing.assert_array_equal(denoised, expected.predict(images))
    assert denoised.dtype == expected.predict(images).dtype


@small_blocks
def test_partial_fit_takes_them_and_is_reproducible():
    cae, again = (small_cae().partial_fit(Slices(X)).partial_fit(Slices(X)) for _ in range(2))
    assert_same_weights(cae, again)
    assert len(cae.history_["train_loss"]) == 2


@small_blocks
def test_pairs_belong_together():
    recorder = BatchRecorder()
    params = {"callbacks": [recorder], "validation_fraction": 0.25}
    small_cae(**params).fit(Slices(NOISY), Slices(X, chunks=(3, 8, 8)))
    partner = {image.tobytes(): noisy for image, noisy in zip(X, NOISY, strict=True)}
    for noisy, clean in recorder.train + recorder.valid:
        levels = np.rint(clean[:, 0] * 255).astype(np.uint8)
        expected = np.stack([partner[image.tobytes()] for image in levels])
        np.testing.assert_array_equal(np.rint(noisy[:, 0] * 255).astype(np.uint8), expected)


@small_blocks
@pytest.mark.parametrize("clean", [X, Slices(X)], ids=["in memory", "lazy"])
def test_pairs_are_learned_of_which_one_is_in_memory(clean):
    small_cae().fit(Slices(NOISY), clean)


@small_blocks
@pytest.mark.parametrize("target", ["neighbor", "masked"])
def test_noisy_images_alone_are_learned_from(target):
    small_cae(small_unet(), target=target).fit(Slices(NOISY))


@small_blocks
def test_labels_are_ignored(tmp_path):
    labels = memory_map(np.arange(96), tmp_path)
    assert_same_weights(small_cae().fit(Slices(X), labels), small_cae().fit(Slices(X)))


@small_blocks
@pytest.mark.parametrize("network", [None, small_unet()], ids=["of one size", "of any size"])
def test_patches_are_cut_of_them(network):
    array = Slices(as_uint(gray(30, 16, 16), np.uint8))
    cae = small_cae(network, patches=Patches(8, per_image=3)).fit(array)
    assert cae.image_shape_ == (8, 8)


def test_an_injector_reads_them_into_memory():
    pairs = NoiseInjector(random_state=0).fit_transform(Slices(X))
    assert type(pairs.clean) is np.ndarray
    make_pipeline(NoiseInjector(random_state=0), small_cae()).fit(Slices(X)).predict(Slices(X))


# --- reads


def passes(array):
    return array.n_read / len(array.images)


# Of 100 steps or more, after which batch normalisation is not settled in a pass of its own.
LONG = {"max_epochs": 12, "validation_fraction": 0, "batch_size": 8}


@small_blocks
def test_fit_makes_a_pass_to_measure_and_one_in_each_epoch():
    array = Slices(X)
    small_cae(**LONG).fit(array)
    # What is still in memory is not read again.
    assert 9 < passes(array) <= 13


@small_blocks
def test_fit_reads_what_is_held_out_once_in_each_epoch():
    array = Slices(X)
    small_cae(**{**LONG, "validation_fraction": 0.25}).fit(array)
    # 24 of 96 images are three whole blocks.
    assert 9 < passes(array) <= 13


@small_blocks
def test_fit_on_patches_reads_an_image_once_in_each_epoch():
    array = Slices(X)
    small_cae(small_unet(), patches=Patches(4, per_image=4), **LONG).fit(array)
    assert 9 < passes(array) <= 13


@pytest.mark.parametrize("method", ["predict", "transform", "score_samples"])
def test_results_take_a_pass_to_measure_and_one_to_compute(method, monkeypatch):
    # Blocks of 70 images, which batches of 64 do not end at.
    monkeypatch.setattr("sklearn_cae.images._lazy.CHUNK_VALUES", 70 * 64)
    array = Slices(np.tile(X, (3, 1, 1)))
    getattr(IN_MEMORY, method)(array)
    assert passes(array) == 2


@small_blocks
def test_reads_are_blocks():
    array = Slices(X)
    small_cae().fit(array).predict(array)
    assert {stop - start for start, stop in array.reads} == {8}
    assert {start % 8 for start, _ in array.reads} == {0}


@small_blocks
def test_images_are_shuffled_within_windows_of_blocks():
    recorder = BatchRecorder()
    cae = small_cae(callbacks=[recorder], validation_fraction=0).fit(Slices(X))
    number = {image.tobytes(): i for i, image in enumerate(X)}
    levels = np.concatenate([clean[:, 0] for _, clean in recorder.train])
    seen = [number[image.tobytes()] // 8 for image in np.rint(levels * 255).astype(np.uint8)]
    windows = [set(seen[start : start + 32]) for start in (0, 32, 64)]
    assert [len(window) for window in windows] == [4, 4, 4]
    assert set.union(*windows) == set(range(12))
    assert_same_weights(small_cae(validation_fraction=0).fit(Slices(X)), cae)


def peak_of_training(n_images):
    """Bytes at the peak of a training and a prediction."""
    array = Slices(np.random.default_rng(0).integers(0, 256, (n_images, 32, 32), dtype=np.uint8))
    out = np.empty_like(array.images)
    cae = small_cae(Autoencoder(ConvEncoder((1,), code_channels=1)))
    tracemalloc.start()
    cae.fit(array).predict(array, out=out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_hardly_grows_with_the_images(monkeypatch):
    monkeypatch.setattr("sklearn_cae.images._blocks.BLOCK_BYTES", 2**14)
    monkeypatch.setattr("sklearn_cae.images._blocks.WINDOW_BYTES", 2**17)
    monkeypatch.setattr("sklearn_cae.images._lazy.CHUNK_VALUES", 2**14)
    peak_of_training(100)  # What stays in memory for good.
    growth = peak_of_training(1500) - peak_of_training(500)
    # Of 1024 bytes for an image 64 are its numbers, and the record of its batch.
    assert growth < 0.2 * 1000 * 1024


# --- results that are written


def outs(folder):
    shape, dtype = X.shape, X.dtype
    file = h5py.File(folder / "out.h5", "w")
    return {
        "an array": np.empty(shape, dtype),
        "an array with gaps": np.empty((96, 8, 16), dtype)[:, :, ::2],
        "a memory map": np.lib.format.open_memmap(folder / "out.npy", "w+", dtype, shape),
        "h5py": file.create_dataset("out", shape, dtype, chunks=(5, 8, 8)),
        "zarr": zarr_array(np.empty(shape, dtype), folder, "out"),
    }


@small_blocks
@pytest.mark.parametrize("images", [X, Slices(X)], ids=["in memory", "lazy"])
def test_images_are_written_where_they_should_go(images, tmp_path):
    for name, out in outs(tmp_path).items():
        assert IN_MEMORY.predict(images, out=out) is out
        np.testing.assert_array_equal(out[:], IN_MEMORY.predict(X), err_msg=name)


@small_blocks
def test_a_tiff_file_that_is_mapped_is_learned_from_denoised_and_written(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "images.tif", X, photometric="minisblack")
    images = tifffile.memmap(tmp_path / "images.tif", mode="r")
    cae = small_cae().fit(images)
    assert_same_weights(cae, small_cae().fit(memory_map(X, tmp_path)))
    path = tmp_path / "denoised.tif"
    out = tifffile.memmap(path, shape=X.shape, dtype=X.dtype, photometric="minisblack")
    assert cae.predict(images, out=out) is out
    np.testing.assert_array_equal(tifffile.imread(path), cae.predict(X))


@small_blocks
@pytest.mark.parametrize("images", [X, Slices(X)], ids=["in memory", "lazy"])
def test_codes_are_written_where_they_should_go(images):
    codes = IN_MEMORY.transform(X)
    out = np.empty_like(codes)
    assert IN_MEMORY.transform(images, out=out) is out
    np.testing.assert_array_equal(out, codes)


@small_blocks
@pytest.mark.parametrize("lazy", [False, True])
def test_images_may_be_written_over_themselves(lazy, tmp_path):
    images = X.copy()
    if lazy:
        memory_map(X, tmp_path)
        images = np.load(tmp_path / "images.npy", mmap_mode="r+")
    IN_MEMORY.predict(images, out=images)
    np.testing.assert_array_equal(images, IN_MEMORY.predict(X))


@small_blocks
@pytest.mark.parametrize("axis", [1, -1])
def test_large_images_are_written_from_their_tiles(axis, monkeypatch):
    monkeypatch.setattr("sklearn_cae._tiles.TILE_PIXELS", 64 * 64)
    monkeypatch.setattr("sklearn_cae._inference.BATCH_PIXELS", 64 * 64)
    images = as_uint(colour(2, 150, 130), np.uint8)
    images = images if axis == -1 else images.transpose(0, 3, 1, 2)
    cae = small_cae(small_unet(), channel_axis=axis).fit(images[..., :64, :64, :][:2])
    expected = cae.predict(images, self_ensemble=True)
    out = np.empty_like(images)
    cae.predict(Slices(images), self_ensemble=True, out=out)
    np.testing.assert_array_equal(out, expected)


class Refusing:
    """An array whose images nobody may read."""

    shape, dtype = X.shape, X.dtype

    def __getitem__(self, rows):
        raise AssertionError


@pytest.mark.parametrize("method", ["predict", "transform"])
def test_what_results_do_not_fit_is_told_before_anything_is_read(method):
    for out in (np.empty((5, 8, 8), np.uint8), np.empty(X.shape, np.float64)):
        with pytest.raises(ValueError, match="but the results have shape"):
            getattr(IN_MEMORY, method)(Refusing(), out=out)


def test_out_is_for_arrays():
    cae = small_cae(small_unet()).fit(X)
    with pytest.raises(ValueError, match="out takes the results of an array, but X is a list"):
        cae.predict(list(X), out=np.empty_like(X))


# --- bad input


class Failing(Slices):
    """An array that raises in the middle of some pass."""

    def __init__(self, n_rows):
        super().__init__(X)
        self.n_left = n_rows

    def __getitem__(self, rows):
        self.n_left -= rows.stop - rows.start
        if self.n_left < 0:
            raise OSError("the disk is gone")
        return super().__getitem__(rows)


@small_blocks
@pytest.mark.parametrize("n_rows", [40, 140], ids=["measured", "trained"])
@pytest.mark.parametrize("fitted", [False, True])
def test_an_array_that_fails_leaves_the_estimator_as_it_was(n_rows, fitted):
    cae = small_cae().fit(X) if fitted else small_cae()
    state = dict(vars(cae))
    kept = weights(cae) if fitted else {}
    with pytest.raises(ValueError, match=r"X\[\d+:\d+\] cannot be read: OSError") as caught:
        cae.fit(Failing(n_rows))
    assert isinstance(caught.value.__cause__, OSError)
    assert vars(cae) == state
    for name, values in kept.items():
        np.testing.assert_array_equal(weights(cae)[name], values)


@small_blocks
def test_clean_images_that_fail_are_called_y():
    with pytest.raises(ValueError, match=r"y\[40:48\] cannot be read"):
        small_cae().fit(Slices(NOISY), Failing(40))


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "transform", "score"])
def test_a_dataset_of_a_file_that_is_closed_is_named(method, tmp_path):
    array = KINDS["h5py"](X, tmp_path)
    array.file.close()
    estimator = small_cae() if "fit" in method else IN_MEMORY
    message = "cannot be read: RuntimeError: .* If its file is closed, open it again"
    with pytest.raises(ValueError, match=f"^X {message}"):
        getattr(estimator, method)(array)
    if method in ("predict", "transform"):
        with pytest.raises(ValueError, match=f"^out {message}"):
            getattr(estimator, method)(X, out=array)
    else:
        with pytest.raises(ValueError, match=f"^y {message}"):
            getattr(estimator, method)(X, array)
        with pytest.raises(ValueError, match=f"^X {message}"):
            getattr(estimator, method)(array, X)


def test_pairs_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"y has shape \(95, 8, 8\) and X \(96, 8, 8\)"):
        small_cae().fit(Slices(NOISY), Slices(X[1:]))
    with pytest.raises(ValueError, match=r"y has shape \(95, 8, 8\) and X \(96, 8, 8\)"):
        IN_MEMORY.score(Slices(NOISY), Slices(X[1:]))


def test_other_units_are_refused_as_in_memory():
    with pytest.raises(ValueError, match="Convert X to these units"):
        IN_MEMORY.predict(Slices(gray()))


def test_a_fitted_estimator_is_pickled_without_its_array(tmp_path):
    array = KINDS["h5py"](X, tmp_path)  # which cannot be pickled
    cae = small_cae().fit(array)
    assert_same_weights(pickle.loads(pickle.dumps(cae)), cae)


def test_a_fitted_estimator_holds_no_images():
    array = Slices(X)
    alive = weakref.ref(array)
    cae = small_cae().fit(array)
    cae.predict(array)
    del array
    gc.collect()
    assert alive() is None


# --- the detector


@small_blocks
@pytest.mark.parametrize("normalize", [False, True])
def test_the_detector_takes_them(normalize):
    params = {"contrast_normalization": normalize, "random_state": 0, "contamination": 0.1}
    detector = CAEOutlierDetector(
        small_cae(noise=GaussianNoise(0.1)), outlier_score="reconstruction", **params
    ).fit(Slices(X))
    np.testing.assert_array_equal(detector.predict(Slices(X)), detector.predict(X))
    np.testing.assert_array_equal(detector.anomaly_map(Slices(X)), detector.anomaly_map(X))


def test_the_detector_learns_from_a_window_as_from_memory():
    lazy, memory = (
        CAEOutlierDetector(small_cae(), random_state=0).fit(images) for images in (Slices(X), X)
    )
    np.testing.assert_allclose(lazy.score_samples(X), memory.score_samples(X), rtol=1e-6)


# --- what follows the codes


@small_blocks
def test_features_are_computed_block_by_block():
    features = LayerFeatures(FrozenEstimator(small_cae().fit(X))).fit(Slices(X))
    given = Slices(X)
    np.testing.assert_array_equal(features.transform(given), features.transform(X))
    assert max(stop - start for start, stop in given.reads) < len(X)


@small_blocks
def test_a_sampler_encodes_block_by_block():
    cae = FrozenEstimator(small_cae().fit(X))
    density = GaussianMixture(2, random_state=0)
    given = Slices(X)
    lazy, memory = (LatentSampler(cae, density, random_state=0).fit(x) for x in (given, X))
    assert max(stop - start for start, stop in given.reads) < len(X)
    np.testing.assert_array_equal(lazy.score_samples(Slices(X)), memory.score_samples(X))
