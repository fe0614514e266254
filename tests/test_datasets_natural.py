import socket

import numpy as np
import pytest
from skimage import data
from skimage.color import rgb2gray
from sklearn.datasets import load_digits

from sklearn_cae.datasets import load_natural_patches


def sources(**options):
    options = {"patch_size": 8, "n_patches": 20, **options}
    return set(load_natural_patches(**options).sources.tolist())


def global_numpy_state():
    _, key, position, *_ = np.random.get_state()  # noqa: NPY002 - the old state is the subject
    return key.tolist(), position


def occurs_in(patch, photograph):
    windows = np.lib.stride_tricks.sliding_window_view(photograph, patch.shape)
    return (windows == patch).all(axis=tuple(range(-patch.ndim, 0))).any()


@pytest.mark.parametrize(
    ("color", "shape"), [(True, (12, 16, 16, 3)), (False, (12, 16, 16))], ids=["color", "gray"]
)
def test_patches_have_the_documented_shape(color, shape):
    assert load_natural_patches(16, n_patches=12, color=color).images.shape == shape


@pytest.mark.parametrize("color", [True, False])
def test_patches_are_uint8(color):
    assert load_natural_patches(8, n_patches=20, color=color).images.dtype == np.uint8


def test_a_color_patch_is_a_window_of_its_photograph():
    patches = load_natural_patches(16, n_patches=4)
    patch = patches.images[patches.sources.tolist().index("coffee")]
    assert occurs_in(patch, data.coffee())


def test_a_gray_patch_of_a_color_photograph_is_its_rounded_luminance():
    patches = load_natural_patches(16, n_patches=4, subset="test", color=False)
    patch = patches.images[patches.sources.tolist().index("chelsea")]
    assert occurs_in(patch, np.rint(255 * rgb2gray(data.chelsea())).astype(np.uint8))


def test_a_patch_as_large_as_the_digits_is_a_whole_digit():
    patches = load_natural_patches(8, n_patches=10, color=False)
    digit = patches.images[patches.sources.tolist().index("digits")]
    whole_digits = np.rint(255 / 16 * load_digits().images).astype(np.uint8)
    assert (whole_digits == digit).all(axis=(1, 2)).any()


@pytest.mark.parametrize("color", [True, False])
def test_train_and_test_patches_come_from_different_photographs(color):
    assert not sources(color=color) & sources(color=color, subset="test")


@pytest.mark.parametrize("color", [True, False])
def test_all_draws_from_the_train_and_the_test_photographs(color):
    either = sources(color=color) | sources(color=color, subset="test")
    assert sources(color=color, subset="all") == either


def test_every_source_gives_the_same_number_of_patches_to_within_one():
    _, counts = np.unique(load_natural_patches(8, n_patches=42).sources, return_counts=True)
    assert sorted(counts) == [10, 10, 11, 11]


def test_the_order_of_the_sources_is_random():
    drawn = load_natural_patches(8, n_patches=100).sources
    # Sorted or cycling sources change their name 3 or 99 times; a shuffle does so about 75 times.
    assert 50 < (drawn[1:] != drawn[:-1]).sum() < 95


@pytest.mark.parametrize(
    ("patch_size", "small"),
    [(8, {"lfw_subset", "digits"}), (25, {"lfw_subset"}), (26, set())],
)
def test_small_gray_images_take_part_in_training_while_a_patch_fits(patch_size, small):
    drawn = sources(patch_size=patch_size, color=False)
    assert drawn & {"lfw_subset", "digits"} == small


def test_the_test_photographs_do_not_depend_on_the_patch_size():
    gray_test = {"color": False, "subset": "test"}
    assert sources(patch_size=4, **gray_test) == sources(patch_size=64, **gray_test)


def test_no_source_needs_a_download(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was tried")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "socket", refuse)
        # scikit-image skips a test that tries to download; here it has to fail.
        patched.delenv("PYTEST_CURRENT_TEST")
        assert len(sources(color=False, subset="all")) == 14


def test_the_same_seed_gives_the_same_patches():
    first, second = (load_natural_patches(8, n_patches=20, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.images, second.images)


def test_another_seed_gives_other_patches():
    first, second = (load_natural_patches(8, n_patches=20, random_state=s) for s in (3, 4))
    assert (first.images != second.images).any()


def test_none_as_random_state_gives_other_patches_at_each_call():
    first, second = (load_natural_patches(8, n_patches=20, random_state=None) for _ in range(2))
    assert (first.images != second.images).any()


@pytest.mark.parametrize("random_state", [0, None])
def test_the_global_numpy_state_is_left_as_it_was(random_state):
    before = global_numpy_state()
    load_natural_patches(8, n_patches=20, random_state=random_state)
    assert global_numpy_state() == before


def test_a_patch_may_be_as_high_as_the_smallest_photograph():
    patches = load_natural_patches(300, n_patches=2, subset="test")
    assert patches.images.shape == (2, 300, 300, 3)


def test_a_patch_larger_than_the_smallest_photograph_is_refused_with_the_limit():
    message = (
        r"patch_size=301 does not fit .* 'chelsea' \(300 x 451 pixels\). Use patch_size <= 300"
    )
    with pytest.raises(ValueError, match=message):
        load_natural_patches(301, subset="test")


def test_an_unknown_subset_is_refused_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"subset='val' is unknown. Use one of 'train', 'test', 'a"
    ):
        load_natural_patches(subset="val")


@pytest.mark.parametrize("option", ["patch_size", "n_patches"])
def test_a_size_below_one_is_refused(option):
    with pytest.raises(ValueError, match=f"{option} == 0, must be >= 1"):
        load_natural_patches(**{option: 0})


@pytest.mark.parametrize("option", ["patch_size", "n_patches", "color"])
def test_a_value_of_the_wrong_type_is_refused(option):
    with pytest.raises(TypeError, match=f"{option} must be an instance of"):
        load_natural_patches(**{option: 2.0})


def test_the_description_names_every_source():
    patches = load_natural_patches(8, n_patches=14, color=False, subset="all")
    assert [name for name in patches.sources if name not in patches.DESCR] == []
