import tracemalloc

import matplotlib.pyplot as plt
import numpy as np
import pytest
from small import as_uint, colour, gray, small_cae

from sklearn_cae.display import ReconstructionErrorDisplay

X, OTHER = gray(), 1 - gray(10, seed=1)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def cae():
    return small_cae().fit(X)


def pictures(ax):
    return [np.asarray(image.get_array()) for image in ax.get_images()]


def test_errors_are_minus_the_scores(cae):
    display = ReconstructionErrorDisplay.from_estimator(cae, X, OTHER)
    np.testing.assert_array_equal(display.errors["normal"], -cae.score_samples(X))
    np.testing.assert_array_equal(display.errors["other"], -cae.score_samples(OTHER))


def test_the_histogram_holds_every_image_once(cae):
    display = ReconstructionErrorDisplay.from_estimator(cae, X, OTHER)
    for group in display.axes_[0].containers:
        assert sum(bar.get_height() for bar in group) == pytest.approx(1)


def test_bars_stand_where_the_errors_are():
    errors = {"a": np.array([1e-4, 1e-4, 1e-2])}
    display = ReconstructionErrorDisplay(errors=errors, images={"a": np.zeros((3, 4, 4, 1))}).plot()
    (bars,) = display.axes_[0].containers
    heights = {bar.get_x(): bar.get_height() for bar in bars if bar.get_height()}
    assert sorted(heights.values()) == pytest.approx([1 / 3, 2 / 3])
    assert min(heights) == pytest.approx(1e-4)


def test_images_go_from_the_smallest_error_to_the_largest(cae):
    display = ReconstructionErrorDisplay.from_estimator(cae, X, OTHER, n_images=3)
    order = np.argsort(-cae.score_samples(OTHER))
    np.testing.assert_array_equal(display.shown_["other"][[0, -1]], order[[0, -1]])
    for drawn, i in zip(pictures(display.axes_[2]), display.shown_["other"], strict=True):
        np.testing.assert_allclose(drawn, OTHER[i])


def test_errors_stand_under_the_images(cae):
    display = ReconstructionErrorDisplay.from_estimator(cae, X, n_images=2)
    errors = -cae.score_samples(X)
    labels = [text.get_text() for text in display.axes_[1].get_xticklabels()]
    assert labels == [f"{errors.min():.2g}", f"{errors.max():.2g}"]


def test_without_other_images_there_is_one_group(cae):
    display = ReconstructionErrorDisplay.from_estimator(cae, X)
    assert [ax.get_ylabel() for ax in display.axes_] == ["share of images", "normal"]


def test_at_most_all_images_are_shown(cae):
    display = ReconstructionErrorDisplay.from_estimator(cae, X[:2], n_images=6)
    assert len(pictures(display.axes_[1])) == 2


def test_errors_of_zero_have_a_place():
    images = {"a": np.zeros((2, 4, 4, 1))}
    display = ReconstructionErrorDisplay(errors={"a": np.zeros(2)}, images=images).plot()
    (bars,) = display.axes_[0].containers
    assert sum(bar.get_height() for bar in bars) == pytest.approx(1)


def test_channels_first_colour_images_show_in_their_units():
    images = 255 * np.moveaxis(colour(), 3, 1)
    cae = small_cae(channel_axis=1, data_range=(0, 255)).fit(images)
    display = ReconstructionErrorDisplay.from_estimator(cae, images, n_images=1)
    (drawn,) = pictures(display.axes_[1])
    (i,) = display.shown_["normal"]
    np.testing.assert_allclose(drawn, colour()[i], atol=1e-6)


def test_memory_does_not_grow_with_the_images_that_are_not_shown():
    images = as_uint(gray(2000, 16, 16), np.uint8)
    cae = small_cae().fit(images[:24])
    ReconstructionErrorDisplay.from_estimator(cae, images[:200])
    tracemalloc.start()
    display = ReconstructionErrorDisplay.from_estimator(cae, images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.shares_memory(display.images["normal"], images)
    # All images as float32 would be 4 times as large as they are.
    assert peak < 4 * images.nbytes


def test_the_layout_is_that_of_fit_whatever_was_set_since():
    X = colour()
    cae = small_cae().fit(X).set_params(channel_axis=1)
    display = ReconstructionErrorDisplay.from_estimator(cae, X)
    np.testing.assert_array_equal(display.images["normal"], X)


def test_one_image_of_two_pixels_shows():
    X = gray(height=2, width=2)
    display = ReconstructionErrorDisplay.from_estimator(small_cae().fit(X), X[:1])
    assert len(pictures(display.axes_[1])) == 1


def test_it_draws_on_given_axes(cae):
    figure, axes = plt.subplots(3)
    display = ReconstructionErrorDisplay.from_estimator(cae, X, OTHER, axes=axes)
    assert display.figure_ is figure


def test_axes_of_a_wrong_shape_are_refused(cae):
    _, axes = plt.subplots(2)
    with pytest.raises(ValueError, match="the histogram, then the images of each group"):
        ReconstructionErrorDisplay.from_estimator(cae, X, OTHER, axes=axes)
