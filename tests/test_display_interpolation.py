import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from small import LAYOUTS, UINT8_STEP, colour, gray, small_autoencoder, small_cae

from sklearn_cae import LatentSampler
from sklearn_cae.display import InterpolationDisplay


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def small_sampler(X, **params):
    """A sampler from two Gaussians: few images do."""
    cae = small_cae(small_autoencoder(latent_dim=3), **params)
    return LatentSampler(cae, GaussianMixture(2), random_state=0).fit(X)


@pytest.fixture(scope="module")
def sampler():
    return small_sampler(gray())


@pytest.fixture
def display(sampler):
    return InterpolationDisplay.from_estimator(sampler, gray()[:3], gray()[3:6], n_steps=5)


def column(display, k):
    return np.array([ax.get_images()[0].get_array() for ax in display.axes_[:, k]])


def test_a_row_for_each_walk_and_a_column_for_each_step_and_end(display):
    assert display.axes_.shape == (3, 7)


def test_at_most_the_wanted_number_of_walks_is_shown(sampler):
    X1, X2 = gray()[:12], gray()[12:]
    display = InterpolationDisplay.from_estimator(sampler, X1, X2, n_steps=2, n_images=2)
    assert display.axes_.shape == (2, 4)


def test_the_outer_columns_are_the_images_themselves(display):
    np.testing.assert_array_equal(column(display, 0), gray()[:3])
    np.testing.assert_array_equal(column(display, -1), gray()[3:6])


def test_the_columns_between_are_the_walks(display, sampler):
    walks = sampler.interpolate(gray()[:3], gray()[3:6], n_steps=5)
    for k in range(5):
        np.testing.assert_array_equal(column(display, k + 1), walks[:, k])


def test_the_columns_tell_how_far_the_walk_has_come(display):
    titles = [ax.get_title() for ax in display.axes_[0]]
    assert titles == ["start", "0.00", "0.25", "0.50", "0.75", "1.00", "end"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_of_any_layout_show_rightly(layout):
    X, params, expected = LAYOUTS[layout]
    sampler = small_sampler(X, **params)
    display = InterpolationDisplay.from_estimator(sampler, X[:2], X[2:4], n_steps=3)
    # uint8 holds the images to half a level.
    np.testing.assert_allclose(display.starts, expected[:2], atol=UINT8_STEP)
    np.testing.assert_allclose(display.ends, expected[2:4], atol=UINT8_STEP)
    assert display.walks.shape == (2, 3, *expected.shape[1:])
    assert 0 <= display.walks.min() < display.walks.max() <= 1 + 1e-6


def test_it_draws_on_given_axes(sampler):
    figure, axes = plt.subplots(1, 4, squeeze=False)
    display = InterpolationDisplay.from_estimator(
        sampler, gray()[:1], gray()[1:2], n_steps=2, axes=axes
    )
    assert display.figure_ is figure


def test_axes_of_a_wrong_shape_are_refused(display):
    _, axes = plt.subplots(3, 5)
    with pytest.raises(ValueError, match=r"axes have shape \(3, 5\); expected \(3, 7\): a row for"):
        display.plot(axes=axes)


def test_different_numbers_of_starts_and_ends_are_refused(sampler):
    with pytest.raises(ValueError, match=r"X1 has 3 image\(s\) and X2 2"):
        InterpolationDisplay.from_estimator(sampler, gray()[:3], gray()[:2])


def test_what_gives_no_walks_is_refused():
    message = re.escape("has no interpolate; expected a fitted LatentSampler.")
    with pytest.raises(ValueError, match=message):
        InterpolationDisplay.from_estimator(small_cae(), gray(), gray())


def test_a_sampler_has_to_be_fitted():
    with pytest.raises(NotFittedError):
        InterpolationDisplay.from_estimator(LatentSampler(small_cae()), gray(), gray())


def test_images_with_two_channels_are_refused():
    X = colour(n_channels=2)
    with pytest.raises(ValueError, match="2 channels cannot be shown"):
        InterpolationDisplay.from_estimator(small_sampler(X), X, X)


def test_plot_returns_the_display(display):
    assert display.plot() is display


def test_the_global_settings_of_matplotlib_stay(display):
    before = dict(mpl.rcParams)
    display.plot()
    assert dict(mpl.rcParams) == before
