"""Collections of files: read one by one, again in each epoch, ahead of their use."""

import threading
import time

import numpy as np
import pytest
import torch
from skimage.io import ImageCollection, imread, imsave
from sklearn.base import clone
from small import BatchRecorder, as_uint, assert_same_weights, gray, small_cae, small_unet

from sklearn_cae import CAEOutlierDetector, NoiseInjector, Patches
from sklearn_cae.images import LazyList, read_sequence, windowed
from sklearn_cae.images._collections import N_AHEAD, CollectionBlocks
from sklearn_cae.outliers import ReconstructionScore

SIZES = [(12, 16), (10, 11), (12, 16), (8, 20)]
IMAGES = [as_uint(gray(1, *SIZES[i % 4], seed=i)[0], np.uint8) for i in range(16)]


class Files:
    """A collection that reads its images when it is asked for them; it counts and keeps whom."""

    def __init__(self, images=IMAGES, fails_after=None):
        self.images = images
        self.reads = []
        self.threads = set()
        self.n_busy = self.most_busy = 0
        self.fails_after = fails_after

    def __len__(self):
        return len(self.images)

    def __getitem__(self, number):
        self.n_busy += 1
        self.most_busy = max(self.n_busy, self.most_busy)
        self.reads.append(number)
        self.threads.add(threading.get_ident())
        time.sleep(1e-4)
        if self.fails_after is not None and len(self.reads) > self.fails_after:
            raise OSError("the file is gone")
        self.n_busy -= 1
        return self.images[number].copy()


def patched(**params):
    options = {"patches": Patches(8, per_image=4), "max_epochs": 2, "batch_size": 8}
    return small_cae(small_unet(), **options | params)


@pytest.fixture
def _small_window(monkeypatch):
    # Four images of about 160 bytes.
    monkeypatch.setattr("sklearn_cae.images._collections.WINDOW_BYTES", 4 * 160)
    monkeypatch.setattr("sklearn_cae.images._collections.MIN_WINDOW", 2)
    monkeypatch.setattr("sklearn_cae.images._blocks.BLOCK_BYTES", 160)
    monkeypatch.setattr("sklearn_cae.images._blocks.WINDOW_BYTES", 4 * 160)
    monkeypatch.setattr("sklearn_cae.images._blocks.MIN_WINDOW", 4)


small_window = pytest.mark.usefixtures("_small_window")


def test_the_images_of_a_collection_are_read_one_by_one():
    files = Files()
    source = read_sequence(files)
    assert isinstance(source.images, LazyList)
    assert sorted(files.reads) == list(range(16))
    np.testing.assert_array_equal(source.images[5], IMAGES[5])
    assert files.reads[-1] == 5


def test_what_is_told_of_them_is_that_of_a_list():
    lazy, kept = read_sequence(Files()), read_sequence(IMAGES)
    assert (lazy.shape, lazy.ndim, lazy.dtype) == (kept.shape, kept.ndim, kept.dtype)
    assert (lazy.measures.low, lazy.measures.high) == (kept.measures.low, kept.measures.high)


def test_what_fits_into_a_window_is_learned_as_from_a_list():
    assert_same_weights(patched().fit(Files()), patched().fit(IMAGES))


def test_pairs_of_collections_are_learned_as_of_lists():
    noisy = [np.roll(image, 1) for image in IMAGES]
    expected = patched().fit(noisy, IMAGES)
    assert_same_weights(patched().fit(Files(noisy), Files()), expected)
    assert_same_weights(patched().fit(Files(noisy), IMAGES), expected)


def test_predictions_are_a_list_and_take_two_reads():
    cae, files = patched().fit(IMAGES), Files()
    denoised = cae.predict(files)
    assert type(denoised) is list
    for image, expected in zip(denoised, cae.predict(IMAGES), strict=True):
        np.testing.assert_array_equal(image, expected)
    assert np.bincount(files.reads).max() <= 3  # One to look what it is.


def test_scores_are_those_of_lists():
    cae = patched().fit(IMAGES)
    assert cae.score(Files()) == pytest.approx(cae.score(IMAGES), abs=1e-6)


@small_window
def test_an_epoch_reads_each_image_once():
    files = Files()
    patched(max_epochs=1, validation_fraction=0).fit(files)
    measured, first_epoch = 16, 16
    n_settled = 16  # Of few steps: batch normalisation.
    assert len(files.reads) <= 3 + measured + first_epoch + n_settled


@small_window
def test_images_are_read_in_another_order_in_each_epoch():
    files = Files()
    patched(max_epochs=20, validation_fraction=0).fit(files)
    orders = {tuple(files.reads[start : start + 12]) for start in range(40, 280, 12)}
    assert len(orders) > 10


@small_window
def test_the_order_is_that_of_the_seed():
    assert_same_weights(patched().fit(Files()), patched().fit(Files()))


@small_window
def test_all_patches_are_of_their_images():
    recorder = BatchRecorder()
    patched(
        callbacks=[recorder],
        patches=Patches(8, per_image=4, augment=False),
        validation_fraction=0,
        max_epochs=1,
    ).fit(Files())
    cut = np.concatenate([clean[:, 0] for _, clean in recorder.train])
    assert len(cut) == 64
    windows = {
        window.tobytes()
        for image in IMAGES
        for window in np.lib.stride_tricks.sliding_window_view(image, (8, 8)).reshape(-1, 8, 8)
    }
    assert all(np.rint(255 * patch).astype(np.uint8).tobytes() in windows for patch in cut)


# --- the background


def in_window():
    files = Files()
    images = read_sequence(files).channels_last(3)
    (images,) = windowed((images,))
    files.reads.clear()
    files.threads.clear()
    return files, images


def test_images_are_read_in_the_background_by_one_thread_at_a_time():
    files, images = in_window()
    order = np.random.default_rng(0).permutation(16)
    with images.read_ahead(order):
        for number in order:
            np.testing.assert_array_equal(images[number][..., 0], IMAGES[number])
    assert files.reads == order.tolist()
    assert threading.get_ident() not in files.threads
    assert files.most_busy == 1


def test_a_bounded_number_of_images_is_read_ahead():
    files, images = in_window()
    with images.read_ahead(np.arange(16)):
        deadline = time.monotonic() + 10
        while len(files.reads) < N_AHEAD and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        assert len(files.reads) == N_AHEAD


def test_no_thread_is_left_behind():
    _, images = in_window()
    before = threading.active_count()
    with images.read_ahead(np.arange(16)):
        images[0]
        assert threading.active_count() > before
    assert threading.active_count() == before


@small_window
def test_images_that_nobody_expected_are_read_too():
    _, images = in_window()
    with images.read_ahead(np.arange(3)):
        for number in (9, 0, 9, 2, 1):
            np.testing.assert_array_equal(images[number][..., 0], IMAGES[number])


# --- one size, without patches

SAME_SIZE = [as_uint(gray(1, 12, 16, seed=i)[0], np.uint8) for i in range(16)]


def whole(**params):
    return small_cae(**{"max_epochs": 2, "batch_size": 4} | params)


@pytest.mark.parametrize("color", [False, True])
def test_whole_images_of_one_size_are_learned_as_an_array_of_them(color):
    images = [np.dstack([image] * 3) if color else image for image in SAME_SIZE]
    cae, expected = whole().fit(Files(images)), whole().fit(np.stack(images))
    assert_same_weights(cae, expected)
    assert cae.image_spec_ == expected.image_spec_
    assert cae.n_features_in_ == expected.n_features_in_
    np.testing.assert_array_equal(cae.transform(Files(images)), cae.transform(images))


def test_pairs_and_noisy_images_of_one_size_are_learned_as_arrays_of_them():
    noisy = [np.roll(image, 1) for image in SAME_SIZE]
    expected = whole().fit(np.stack(noisy), np.stack(SAME_SIZE))
    assert_same_weights(whole().fit(Files(noisy), Files(SAME_SIZE)), expected)
    assert_same_weights(whole().fit(np.stack(noisy), Files(SAME_SIZE)), expected)
    alone = whole(network=small_unet(), target="neighbor", noise=None)
    assert_same_weights(clone(alone).fit(Files(SAME_SIZE)), clone(alone).fit(np.stack(SAME_SIZE)))


def test_training_goes_on_with_a_collection():
    cae, expected = (whole().fit(SAME_SIZE) for _ in range(2))
    assert_same_weights(cae.partial_fit(Files(SAME_SIZE)), expected.partial_fit(SAME_SIZE))


@small_window
def test_whole_images_are_read_once_in_an_epoch_and_in_the_background():
    files = Files(SAME_SIZE)
    whole(max_epochs=3, validation_fraction=0).fit(files)
    measured, epochs, settled = 16, 3 * 16, 16
    assert measured + epochs < len(files.reads) <= 4 + measured + epochs + settled
    assert len(files.threads) > 1
    assert files.most_busy == 1


@small_window
def test_few_of_the_images_are_in_memory(monkeypatch):
    kept = []

    class Watched(CollectionBlocks):
        def _read(self, start, stop):
            kept.append(len(self._kept) * self.n_rows + stop - start)
            return super()._read(start, stop)

    monkeypatch.setattr("sklearn_cae.images._lazy.CollectionBlocks", Watched)
    monkeypatch.setattr("sklearn_cae.images._collections.CollectionBlocks", Watched)
    monkeypatch.setattr("sklearn_cae.images._lazy.CHUNK_VALUES", 2 * SAME_SIZE[0].size)
    cae = whole().fit(Files(SAME_SIZE))
    cae.transform(Files(SAME_SIZE))
    assert 0 < max(kept) <= 5


def test_a_detector_reads_a_collection_as_an_array():
    detector = CAEOutlierDetector(whole(), outlier_score=ReconstructionScore(), random_state=0)
    of_files, of_array = (clone(detector).fit(X) for X in (Files(SAME_SIZE), np.stack(SAME_SIZE)))
    expected = of_array.score_samples(np.stack(SAME_SIZE))
    np.testing.assert_array_equal(of_files.score_samples(Files(SAME_SIZE)), expected)


def test_codes_of_a_collection_of_several_sizes_are_refused():
    cae = whole().fit(SAME_SIZE)
    with pytest.raises(ValueError, match="X cannot be read as images: Its images have different"):
        cae.transform(Files())


@small_window
def test_a_file_of_one_size_that_cannot_be_read_is_named():
    with pytest.raises(ValueError, match=r"^X\[\d+\] cannot be read: OSError: the file is gone"):
        whole().fit(Files(SAME_SIZE, fails_after=30))


# --- files


def test_an_image_collection_of_scikit_image_is_learned_from(tmp_path):
    for number, image in enumerate(IMAGES):
        imsave(tmp_path / f"{number:02}.png", image, check_contrast=False)
    files = ImageCollection(str(tmp_path / "*.png"), load_func=lambda path, **_: imread(path))
    cae = patched().fit(files)
    assert_same_weights(cae, patched().fit(IMAGES))
    np.testing.assert_array_equal(cae.predict(files)[3], cae.predict(IMAGES)[3])


# --- bad input


@pytest.mark.parametrize("n_read", [5, 40], ids=["measured", "trained"])
@small_window
def test_a_file_that_cannot_be_read_is_named_and_the_estimator_is_as_it_was(n_read):
    cae = patched().fit(IMAGES)
    state = dict(vars(cae))
    with pytest.raises(ValueError, match=r"X\[\d+\] cannot be read: OSError: the file") as caught:
        cae.fit(Files(fails_after=n_read))
    assert isinstance(caught.value.__cause__, OSError)
    assert vars(cae) == state


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (IMAGES[0].astype(np.float32), r"X\[3\] is of float32 with 2 dimensions, but X\[0\] of"),
        (IMAGES[0][..., np.newaxis], r"X\[3\] is of uint8 with 3 dimensions"),
        (np.zeros((0, 4), np.uint8), r"X\[3\] cannot be read as images"),
    ],
)
def test_images_unlike_the_first_are_named(image, message):
    with pytest.raises(ValueError, match=message):
        read_sequence(Files([*IMAGES[:3], image]))


def test_what_is_no_image_is_named():
    class Names(Files):
        def __getitem__(self, number):
            return "photograph.png" if number == 3 else super().__getitem__(number)

    with pytest.raises(ValueError, match=r"X\[3\] is str; a list holds one array for each image"):
        read_sequence(Names())


def test_files_that_change_are_named():
    files = Files(list(IMAGES))
    source = read_sequence(files)
    files.images[5] = IMAGES[5][1:]
    with pytest.raises(ValueError, match=r"X\[5\] has shape \(9, 11\), but had \(10, 11\)"):
        source.images[5]


def test_a_file_of_another_kind_is_an_error_that_names_it_and_the_cure(tmp_path):
    for name, image in (("a.png", IMAGES[0]), ("b.png", np.dstack([IMAGES[0]] * 3))):
        imsave(tmp_path / name, image, check_contrast=False)
    collection = ImageCollection(str(tmp_path / "*.png"), load_func=imread)
    cure = "such as gray ones among colour ones, to a call of their own"
    with pytest.raises(ValueError, match=rf"X\[1\] \(.*b\.png\) is of uint8 with 3 .*{cure}"):
        read_sequence(collection)


class Broken(Files):
    """A collection of files, one of which cannot be read."""

    def __init__(self, number):
        super().__init__()
        self.files = [f"{number}.png" for number in range(len(self))]
        self.number = number

    def __getitem__(self, number):
        if number == self.number:
            raise OSError("no image")
        return super().__getitem__(number)


@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "score", "feature_maps"])
def test_a_broken_file_is_named_by_every_method(method, number):
    cae = patched() if method == "fit" else patched().fit(IMAGES)
    message = rf"^X\[{number}\] \({number}\.png\) cannot be read: OSError: no image Repair the file"
    with pytest.raises(ValueError, match=message):
        getattr(cae, method)(Broken(number))


@pytest.mark.parametrize("others", [IMAGES, np.stack(SAME_SIZE)], ids=["a list", "an array"])
def test_the_first_image_of_pairs_is_named_with_its_side(others):
    with pytest.raises(ValueError, match=r"^X\[0\] \(0\.png\) cannot be read"):
        patched().fit(Broken(0), others)
    with pytest.raises(ValueError, match=r"^y\[0\] \(0\.png\) cannot be read"):
        patched().fit(others, Broken(0))


class Endless:
    """A collection that goes on where its length ends; it counts what is read beyond."""

    def __init__(self, items):
        self.items = items
        self.n_beyond = 0

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        if number >= len(self):
            self.n_beyond += 1
            assert self.n_beyond < 9, "nobody stops"
        return self.items[number % len(self)]


TENSORS = [torch.zeros(12, 16)] * 9
NO_ARRAYS = {
    "tensors": (TENSORS, "Tensor"),
    "tensors and labels": ([(tensor, 3) for tensor in TENSORS], "tuple"),
    "names": (["a.png"] * 9, "str"),
}


@pytest.mark.parametrize(("items", "kind"), NO_ARRAYS.values(), ids=NO_ARRAYS)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "score", "transform"])
def test_a_collection_of_anything_but_arrays_is_refused_by_its_first(method, items, kind):
    cae, given = whole(), Endless(items)
    if method != "fit":
        cae.fit(SAME_SIZE)
    with pytest.raises(ValueError, match=rf"^X\[0\] is {kind}; a list holds .* numpy.asarray"):
        getattr(cae, method)(given)
    assert given.n_beyond == 0


@pytest.mark.parametrize("X", [Files(), np.stack(SAME_SIZE)], ids=["files", "an array"])
def test_clean_images_that_are_no_arrays_are_refused_by_their_first(X):
    with pytest.raises(ValueError, match=r"^y\[0\] is Tensor; a list holds"):
        patched().fit(X, Endless(TENSORS))


def test_labels_of_a_collection_are_ignored():
    assert_same_weights(whole().fit(SAME_SIZE, Endless([1, 2] * 8)), whole().fit(SAME_SIZE))


@pytest.mark.parametrize("images", [IMAGES, SAME_SIZE], ids=["of many sizes", "of one size"])
def test_no_image_is_read_beyond_the_last(images):
    given = Endless(images)
    for read in (patched().fit(images).predict, NoiseInjector(random_state=0).corrupt):
        assert len(read(given)) == 16
    assert given.n_beyond == 0
