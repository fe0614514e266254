import copy
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils import resample, shuffle

from sklearn_cae.images import (
    ImageSource,
    NoisyImages,
    check_same_shape,
    learn_spec,
    load_pairs,
    save_pairs,
    split_targets,
)
from sklearn_cae.noise import GaussianNoise, NoiseInjector

CLEAN = np.random.default_rng(0).random((6, 4, 5))
# Each pixel of CLEAN says which noisy one belongs to it.
NOISY = CLEAN + 1


@pytest.fixture
def pairs():
    return NoisyImages(NOISY.copy(), CLEAN.copy(), GaussianNoise(0.2))


def is_lost(array):
    return isinstance(array, NoisyImages) and array.clean is None


def assert_pairs(pairs, rows=slice(None)):
    """The noisy images of these rows, with the clean ones of the same rows."""
    np.testing.assert_array_equal(np.asarray(pairs), NOISY[rows])
    np.testing.assert_array_equal(pairs.clean, CLEAN[rows])


class NeedsPairs(BaseEstimator):
    """Learns nothing, and from pairs only; its score is 1."""

    def __init__(self, shift=0):
        self.shift = shift

    def fit(self, X, y=None):
        np.testing.assert_array_equal(np.asarray(X), X.clean + 1)
        self.n_seen_ = len(X)
        return self

    def score(self, X, y=None):
        np.testing.assert_array_equal(np.asarray(X), X.clean + 1)
        return 1.0


class MakesPairs(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return NoisyImages(X + 1, X)


# What keeps the pairs

SELECTIONS = {
    "slice": slice(1, 4),
    "step": slice(None, None, 2),
    "reversed": slice(None, None, -1),
    "list": [4, 0, 0],
    "array": np.array([-1, 2]),
    "mask": np.array([True, False, True, True, False, False]),
    "list mask": [True, False, True, True, False, False],
    "series": pd.Series([3, 1]),
}


@pytest.mark.parametrize("rows", SELECTIONS.values(), ids=SELECTIONS)
def test_selecting_images_keeps_the_pairs(pairs, rows):
    assert_pairs(pairs[rows], rows)


@pytest.mark.parametrize("rows", [slice(1, 4), [4, 0, 0]], ids=str)
def test_selecting_images_as_scikit_learn_does_keeps_the_pairs(pairs, rows):
    assert_pairs(pairs[rows, ...], rows)


COPIES = {
    "copy": lambda x: x.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "oldest pickle": lambda x: pickle.loads(pickle.dumps(x, 2)),
}


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_a_copy_keeps_the_pairs_and_shares_no_memory(pairs, make_copy):
    made = make_copy(pairs)
    assert_pairs(made)
    assert made.noise.std == 0.2
    assert not np.shares_memory(made, pairs)
    assert not np.shares_memory(made.clean, pairs.clean)


def test_a_selection_keeps_the_noise_model(pairs):
    assert pairs[2:4].noise is pairs.noise


def test_a_selection_of_a_selection_keeps_the_pairs(pairs):
    assert_pairs(pairs[1:][[0, 2]], [1, 3])


def test_a_joblib_dump_keeps_the_pairs(pairs, tmp_path):
    joblib.dump(pairs, tmp_path / "pairs.joblib")
    assert_pairs(joblib.load(tmp_path / "pairs.joblib"))


def test_a_joblib_memory_keeps_the_pairs(tmp_path):
    make = joblib.Memory(tmp_path, verbose=0).cache(lambda: NoisyImages(NOISY, CLEAN))
    make()
    assert_pairs(make())


def test_scikit_learn_splits_pairs(pairs):
    rows, _ = train_test_split(np.arange(6), random_state=0)
    assert_pairs(train_test_split(pairs, random_state=0)[0], rows)


@pytest.mark.parametrize("sample", [shuffle, resample], ids=["shuffle", "resample"])
def test_scikit_learn_shuffles_pairs_together(pairs, sample):
    assert_pairs(sample(pairs, random_state=0), sample(np.arange(6), random_state=0))


def test_a_pipeline_hands_pairs_on():
    pipeline = Pipeline([("noise", MakesPairs()), ("denoiser", NeedsPairs())])
    assert pipeline.fit(CLEAN)[-1].n_seen_ == 6


def test_a_pipeline_with_a_memory_hands_pairs_on(tmp_path):
    pipeline = Pipeline([("noise", MakesPairs()), ("denoiser", NeedsPairs())], memory=str(tmp_path))
    pipeline.fit(CLEAN)
    # The second time they come out of the memory.
    assert pipeline.fit(CLEAN)[-1].n_seen_ == 6


def test_a_search_splits_pairs(pairs):
    search = GridSearchCV(NeedsPairs(), {"shift": [0, 1]}, cv=2, error_score="raise")
    assert search.fit(pairs).best_score_ == 1


def test_a_search_over_a_pipeline_hands_pairs_on():
    pipeline = Pipeline([("noise", MakesPairs()), ("denoiser", NeedsPairs())])
    search = GridSearchCV(pipeline, {"denoiser__shift": [0, 1]}, cv=2, error_score="raise")
    assert search.fit(CLEAN).best_score_ == 1


SPEC = learn_spec(ImageSource(CLEAN))
KEEPS = {
    "a selection": lambda x: x[1:3],
    "a copy": copy.copy,
    "a pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "a joined array": lambda x: np.concatenate([x, x]),
}


@pytest.mark.parametrize("operation", KEEPS.values(), ids=KEEPS)
def test_pairs_keep_their_layout(operation):
    assert operation(NoisyImages(NOISY, CLEAN, None, SPEC)).image_spec == SPEC


def test_pairs_of_other_layouts_are_not_joined_and_have_other_hashes():
    one, other = NoisyImages(NOISY, CLEAN, None, SPEC), NoisyImages(NOISY, CLEAN)
    assert is_lost(np.concatenate([one, other]))
    assert joblib.hash(one) != joblib.hash(other)


# Joining

SAME = {"the same noise": GaussianNoise(0.2), "no noise": None}


@pytest.mark.parametrize("noise", SAME.values(), ids=SAME)
def test_concatenating_pairs_of_equal_noise_joins_them(noise):
    first, second = NoisyImages(NOISY, CLEAN, noise), NoisyImages(NOISY[:2], CLEAN[:2], noise)
    joined = np.concatenate([first, pickle.loads(pickle.dumps(second))])
    assert_pairs(joined, [*range(6), 0, 1])
    assert repr(joined.noise) == repr(noise)


JOINS = {
    "other noise": lambda x: np.concatenate([x, NoisyImages(NOISY, CLEAN)]),
    "plain images": lambda x: np.concatenate([x, NOISY]),
    "plain images first": lambda x: np.concatenate([NOISY, x]),
    "images that lost theirs": lambda x: np.concatenate([x, 1 * x]),
    "another axis": lambda x: np.concatenate([x, x], axis=1),
    "another dtype": lambda x: np.concatenate([x, x], dtype=np.float32),
}


@pytest.mark.parametrize("join", JOINS.values(), ids=JOINS)
def test_any_other_joining_loses_the_clean_images(pairs, join):
    assert is_lost(join(pairs))


# What loses the clean images

LOSES = {
    "one image": lambda x: x[0],
    "columns of pixels": lambda x: x[:, :, ::2],
    "ellipsis": lambda x: x[...],
    "multiplication": lambda x: 0.5 * x,
    "one minus": lambda x: 1 - x,
    "matrix product": lambda x: x @ np.ones((5, 5)),
    "clip": lambda x: x.clip(0, 1),
    "numpy.clip": lambda x: np.clip(x, 0, 1),
    "round": lambda x: x.round(1),
    "numpy.round": lambda x: np.round(x, 1),
    "divmod": lambda x: np.divmod(x, 2)[0],
    "reshape": lambda x: x.reshape(6, 20),
    "moveaxis": lambda x: np.moveaxis(x, 2, 1),
    "view": lambda x: x.view(),
    "view of a selection": lambda x: x[:2].view(np.uint8),
    "astype": lambda x: x.astype(np.float32),
    "take": lambda x: np.take(x, [1, 0], axis=0),
    "stack": lambda x: np.stack([x, x]),
    "roll": lambda x: np.roll(x, 1, axis=0),
    "pad": lambda x: np.pad(x, 1),
    "sort": lambda x: np.sort(x, axis=0),
    "where": lambda x: np.where(x > 1.5, x, 0),
    "image of an iteration": lambda x: next(iter(x)),
    "pickle of the lost": lambda x: pickle.loads(pickle.dumps(1 * x)),
    "copy of the lost": lambda x: copy.deepcopy(1 * x),
}


@pytest.mark.parametrize("operation", LOSES.values(), ids=LOSES)
def test_what_numpy_computes_of_pairs_is_never_taken_for_clean(pairs, operation):
    result = operation(pairs)
    assert is_lost(result)
    np.testing.assert_array_equal(np.asarray(result), operation(NOISY))
    assert_pairs(pairs)


GRAY = {
    "mean": lambda x: x.mean(axis=3),
    "maximum": lambda x: np.max(x, axis=-1),
    "median": lambda x: np.median(x, axis=3),
    "sum that keeps the axis": lambda x: x.sum(axis=3, keepdims=True),
}


@pytest.mark.parametrize("operation", GRAY.values(), ids=GRAY)
def test_gray_images_made_of_noisy_ones_are_never_taken_for_clean(operation):
    clean = np.random.default_rng(0).random((6, 4, 5, 3))
    result = operation(NoisyImages(clean + 1, clean))
    assert is_lost(result)
    np.testing.assert_array_equal(np.asarray(result), operation(clean + 1))


PLAIN = {
    "mean": lambda x: x.mean(axis=0),
    "numpy.std": lambda x: np.std(x, axis=0),
    "median": lambda x: np.median(x, axis=0),
    "zeros_like": np.zeros_like,
    "array": np.array,
}


@pytest.mark.parametrize("operation", PLAIN.values(), ids=PLAIN)
def test_reductions_and_plain_copies_are_plain(pairs, operation):
    result = operation(pairs)
    assert not isinstance(result, NoisyImages)
    np.testing.assert_array_equal(result, operation(NOISY))
    assert_pairs(pairs)


@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed, np.savetxt])
def test_numpy_does_not_write_one_half_of_pairs(pairs, tmp_path, save):
    with pytest.raises(TypeError, match=r"without their clean ones. Use save_pairs\(path, noisy\)"):
        save(tmp_path / "noisy", pairs)
    assert not list(tmp_path.iterdir())


def test_numpy_writes_what_lost_its_clean_images(pairs, tmp_path):
    np.save(tmp_path / "images.npy", 2 * pairs)
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), 2 * NOISY)


def test_skops_does_not_write_one_half_of_pairs(pairs):
    with pytest.raises(TypeError, match=r"without their clean ones. Use save_pairs"):
        skops.io.dumps(pairs)


def test_a_shuffle_by_selecting_keeps_the_pairs(pairs):
    order = np.random.default_rng(0).permutation(len(pairs))
    assert_pairs(pairs[order], order)


# No change in place

CHANGES = {
    "item": lambda x: x.__setitem__(0, 0),
    "image of itself": lambda x: x[0].__setitem__(0, 0),
    "plain self": lambda x: np.asarray(x).__imul__(2),
    "the clean images": lambda x: x.clean.__imul__(2),
    "sort": lambda x: x.sort(axis=0),
    "flat": lambda x: x.flat.__setitem__(0, 9),
    "numpy.copyto": lambda x: np.copyto(x, 0),
    "numpy.add.at": lambda x: np.add.at(x, 0, 1),
    "clip with out": lambda x: x.clip(0, 1, out=x),
    "random numbers": lambda x: np.random.default_rng(0).random(out=x),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_pairs_cannot_be_changed_in_place(pairs, change):
    with pytest.raises(
        (ValueError, TypeError), match=r"read-only|not writeable|contiguous, writable"
    ):
        change(pairs)
    assert_pairs(pairs)


def test_the_arrays_that_pairs_were_made_of_stay_writable():
    noisy, clean = NOISY.copy(), CLEAN.copy()
    NoisyImages(noisy, clean)
    assert noisy.flags.writeable
    assert clean.flags.writeable


def test_what_lost_its_clean_images_can_be_changed_in_place(pairs):
    lost = 1 * pairs
    lost *= 2
    assert is_lost(lost)
    np.testing.assert_array_equal(np.asarray(lost), 2 * NOISY)


# numpy 2.5 deprecates them.
@pytest.mark.filterwarnings("ignore:Setting the (shape|dtype):DeprecationWarning")
@pytest.mark.parametrize(("name", "value"), [("shape", (12, 2, 5)), ("dtype", np.int64)])
def test_pairs_whose_shape_or_dtype_was_set_are_no_pairs_any_more(pairs, name, value):
    setattr(pairs, name, value)
    with pytest.raises(ValueError, match="pairs have the same shape and dtype"):
        split_targets(pairs, None)


# Hashes, by which joblib knows what it has computed before


def test_hashing_leaves_the_pairs_whole(pairs):
    joblib.hash(pairs)
    assert_pairs(pairs)


def test_equal_pairs_have_equal_hashes(pairs):
    assert joblib.hash(pairs) == joblib.hash(pickle.loads(pickle.dumps(pairs)))


@pytest.mark.parametrize(
    "other",
    [
        NoisyImages(NOISY, CLEAN / 2, GaussianNoise(0.2)),
        NoisyImages(NOISY, CLEAN, GaussianNoise(0.3)),
        NoisyImages(NOISY + 1, CLEAN, GaussianNoise(0.2)),
        NoisyImages(NOISY, CLEAN).view(),
    ],
    ids=["clean", "noise", "noisy", "lost"],
)
def test_other_pairs_have_other_hashes(pairs, other):
    assert joblib.hash(pairs) != joblib.hash(other)


def test_noisy_and_clean_images_need_the_same_shape():
    with pytest.raises(ValueError, match=r"\(6, 4, 5\) and clean images .*\(5, 4, 5\); pairs have"):
        NoisyImages(NOISY, CLEAN[1:])


def test_noisy_and_clean_images_need_the_same_dtype():
    with pytest.raises(ValueError, match=r"are float64 .* float32 .*Convert one of them first"):
        NoisyImages(NOISY, CLEAN.astype(np.float32))


# Files


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_file_of_pairs_keeps_values_and_dtype(tmp_path, dtype):
    noisy, clean = (100 * NOISY).astype(dtype), (100 * CLEAN).astype(dtype)
    save_pairs(tmp_path / "pairs.npz", NoisyImages(noisy, clean))
    loaded = load_pairs(tmp_path / "pairs.npz")
    np.testing.assert_array_equal(np.asarray(loaded), noisy, strict=True)
    np.testing.assert_array_equal(loaded.clean, clean, strict=True)


def test_pairs_from_an_injector_make_the_round_trip(tmp_path):
    pairs = NoiseInjector(random_state=0).fit_transform(CLEAN)
    save_pairs(tmp_path / "pairs.npz", pairs)
    np.testing.assert_array_equal(load_pairs(tmp_path / "pairs.npz"), pairs)


def test_loaded_pairs_have_no_noise_model(pairs, tmp_path):
    save_pairs(tmp_path / "pairs.npz", pairs)
    assert load_pairs(tmp_path / "pairs.npz").noise is None


@pytest.mark.parametrize(("name", "kind"), [("pairs", str), ("pairs.npz", os.fspath)])
def test_the_file_has_the_suffix_npz(pairs, tmp_path, name, kind):
    save_pairs(kind(tmp_path / name), pairs)
    assert os.listdir(tmp_path) == ["pairs.npz"]


def test_a_file_may_be_named_without_its_folder(pairs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_pairs("pairs.npz", pairs)
    assert_pairs(load_pairs("pairs.npz"))


def test_a_file_that_is_there_is_replaced(pairs, tmp_path):
    save_pairs(tmp_path / "pairs.npz", pairs[:2])
    save_pairs(tmp_path / "pairs.npz", pairs)
    assert_pairs(load_pairs(tmp_path / "pairs.npz"))


def fails_half_way(file, **arrays):
    file.write(b"half a file")
    raise OSError("No space left on device")


def test_a_failure_leaves_the_file_that_was_there(pairs, tmp_path, monkeypatch):
    save_pairs(tmp_path / "pairs.npz", pairs)
    monkeypatch.setattr(np, "savez_compressed", fails_half_way)
    with pytest.raises(OSError, match="No space left"):
        save_pairs(tmp_path / "pairs.npz", pairs[:2])
    assert_pairs(load_pairs(tmp_path / "pairs.npz"))


def test_a_failure_leaves_nothing_half_written(pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(np, "savez_compressed", fails_half_way)
    with pytest.raises(OSError, match="No space left"):
        save_pairs(tmp_path / "pairs.npz", pairs)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_an_error(pairs, tmp_path):
    with pytest.raises(FileNotFoundError):
        save_pairs(tmp_path / "nowhere" / "pairs.npz", pairs)


def test_threads_that_save_to_one_path_leave_a_whole_file(pairs, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda _: save_pairs(tmp_path / "pairs.npz", pairs), range(16)):
            pass
    assert os.listdir(tmp_path) == ["pairs.npz"]
    assert_pairs(load_pairs(tmp_path / "pairs.npz"))


@pytest.mark.parametrize("images", [NOISY, NoisyImages(NOISY, CLEAN).reshape(6, 20)])
def test_images_without_pairs_are_not_saved(tmp_path, images):
    with pytest.raises(ValueError, match="without clean images; expected NoisyImages"):
        save_pairs(tmp_path / "pairs.npz", images)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_pairs(tmp_path / "pairs.npz")


@pytest.mark.parametrize("given", ["noisy", "clean"])
def test_a_file_without_one_of_the_arrays_is_an_error_that_names_it(tmp_path, given):
    np.savez(tmp_path / "pairs.npz", **{given: NOISY})
    missing = {"noisy": "clean", "clean": "noisy"}[given]
    with pytest.raises(ValueError, match=rf"pairs.npz cannot .* no array \['{missing}'\]"):
        load_pairs(tmp_path / "pairs.npz")


def test_a_file_of_another_format_is_an_error(tmp_path):
    np.save(tmp_path / "pairs.npy", NOISY)
    with pytest.raises(ValueError, match=r"pairs.npy cannot be read as pairs: .*save_pairs"):
        load_pairs(tmp_path / "pairs.npy")


@pytest.mark.parametrize("compressed", [True, False])
def test_every_damage_of_a_file_is_a_value_error_that_names_it(pairs, tmp_path, compressed):
    save = np.savez_compressed if compressed else np.savez
    save(tmp_path / "whole.npz", noisy=np.asarray(pairs), clean=pairs.clean)
    content = (tmp_path / "whole.npz").read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(60):
        damaged = bytearray(content)
        if trial % 2:
            damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
        else:
            del damaged[rng.integers(len(content)) :]
        (tmp_path / "damaged.npz").write_bytes(damaged)
        message = ""
        try:
            assert_pairs(load_pairs(tmp_path / "damaged.npz"))  # Some bytes do not matter.
        except ValueError as error:
            message = str(error)
        assert not message or "damaged.npz cannot be read as pairs" in message


@pytest.mark.parametrize(
    "arrays",
    [
        {"noisy": np.array(["a"]), "clean": np.array(["a"])},
        {"noisy": np.array(1.0), "clean": np.array(1.0)},
        {"noisy": np.ones((2, 3, 3)), "clean": np.ones((2, 4, 4))},
        {"noisy": np.ones((2, 3, 3)), "clean": np.ones((2, 3, 3), np.uint8)},
    ],
    ids=["strings", "numbers", "shapes", "dtypes"],
)
def test_a_file_of_what_are_no_pairs_of_images_is_an_error_that_names_it(tmp_path, arrays):
    np.savez(tmp_path / "pairs.npz", **arrays)
    with pytest.raises(ValueError, match=r"pairs.npz cannot be read as pairs: .*images"):
        load_pairs(tmp_path / "pairs.npz")


class Tripwire:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.fixture
def trapped_file(tmp_path):
    trap = np.array([Tripwire(str(tmp_path / "sprung"))], dtype=object)
    np.savez(tmp_path / "pairs.npz", noisy=trap, clean=trap)
    return tmp_path / "pairs.npz"


def test_a_file_with_pickled_objects_is_refused(trapped_file):
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_pairs(trapped_file)


def test_loading_does_not_run_what_a_file_holds(trapped_file):
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_pairs(trapped_file)
    assert not (trapped_file.parent / "sprung").exists()


# The rules for y


def test_images_alone_are_clean():
    noisy, clean, noise = split_targets(CLEAN, None)
    assert (noisy is None, clean is CLEAN, noise is None) == (True, True, True)


def test_images_as_y_are_the_clean_ones():
    noisy, clean, _ = split_targets(NOISY, CLEAN)
    np.testing.assert_array_equal([noisy, clean], [NOISY, CLEAN])


@pytest.mark.parametrize(
    "labels",
    [np.arange(6), list("abcdef"), pd.Series(range(6)), np.array([None] * 6), np.ones((6, 3))],
    ids=["array", "list", "series", "objects", "several outputs"],
)
def test_labels_as_y_are_ignored(labels):
    noisy, clean, _ = split_targets(CLEAN, labels)
    assert (noisy is None, clean is CLEAN) == (True, True)


@pytest.mark.parametrize("labels", [None, np.arange(6)], ids=["no y", "labels"])
def test_pairs_bring_their_clean_images_and_their_noise(pairs, labels):
    noisy, clean, noise = split_targets(pairs, labels)
    assert (noisy is pairs, clean is pairs.clean, noise is pairs.noise) == (True, True, True)


def test_y_goes_before_the_clean_images_of_pairs(pairs):
    np.testing.assert_array_equal(split_targets(pairs, 2 * CLEAN)[1], 2 * CLEAN)


def test_targets_of_another_shape_are_an_error_that_lists_what_is_allowed():
    with pytest.raises(ValueError, match=r"y has shape \(6, 1\) .* 1-d labels, which are ignored"):
        check_same_shape(NOISY, np.zeros((6, 1)))


def test_pairs_that_lost_their_clean_images_are_no_clean_images():
    lost = NoisyImages(np.zeros((3, 4, 4)), np.zeros((3, 4, 4))).reshape(3, 16)
    with pytest.raises(
        ValueError, match=r"lost its clean images.*np.asarray\(X\) if X itself is clean"
    ):
        split_targets(lost, None)
