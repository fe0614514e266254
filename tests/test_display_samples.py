import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from small import LAYOUTS, UINT8_STEP, as_uint, colour, gray, small_autoencoder, small_cae

from sklearn_cae import LatentSampler
from sklearn_cae.display import SamplesDisplay


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


def pictures(ax):
    return [np.asarray(image.get_array()) for image in ax.get_images()]


def test_as_many_are_generated_as_are_shown(sampler):
    display = SamplesDisplay.from_estimator(sampler, gray(), n_images=9)
    assert [len(ax.get_images()) for ax in display.axes_] == [9, 9]


def test_the_seed_gives_the_generated_images(sampler):
    display = SamplesDisplay.from_estimator(sampler, gray(), n_images=4, random_state=5)
    np.testing.assert_array_equal(display.generated[..., 0], sampler.sample(4, random_state=5))


def test_the_real_images_are_the_first_ones(sampler):
    display = SamplesDisplay.from_estimator(sampler, gray(), n_images=4)
    np.testing.assert_array_equal(pictures(display.axes_[0]), gray()[:4])


def test_the_two_squares_are_named(sampler):
    display = SamplesDisplay.from_estimator(sampler, gray(), n_images=4)
    assert [ax.get_title() for ax in display.axes_] == ["real", "generated"]


def test_no_image_lies_over_another_and_all_are_within_the_axes():
    display = SamplesDisplay.from_images(gray(7, width=12), gray(5, width=12))
    for ax in display.axes_:
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
        extents = [image.get_extent() for image in ax.get_images()]
        for x1, x2, y2, y1 in extents:
            assert left < x1 < x2 < right
            assert top <= y1 < y2 <= bottom
        corners = {(round(x1, 3), round(y1, 3)) for x1, _, _, y1 in extents}
        assert len(corners) == len(extents)


def test_pixels_are_square():
    display = SamplesDisplay.from_images(gray(4, width=12), gray(4, width=12))
    x1, x2, y2, y1 = display.axes_[0].get_images()[3].get_extent()
    assert (x2 - x1) / (y2 - y1) == pytest.approx(12 / 8)


def test_real_and_generated_images_have_one_size_on_paper():
    display = SamplesDisplay.from_images(gray(16), gray(3))
    real, generated = display.axes_
    assert real.get_xlim() == generated.get_xlim()
    assert real.get_ylim() == generated.get_ylim()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_of_any_layout_show_rightly(layout):
    X, params, expected = LAYOUTS[layout]
    display = SamplesDisplay.from_estimator(small_sampler(X, **params), X)
    # uint8 holds the images to half a level.
    np.testing.assert_allclose(display.real, expected[:16], atol=UINT8_STEP)
    assert display.generated.shape == display.real.shape
    assert 0 <= display.generated.min() < display.generated.max() <= 1 + 1e-6


@pytest.mark.parametrize("layout", LAYOUTS)
def test_given_images_of_any_layout_show_rightly(layout):
    X, params, expected = LAYOUTS[layout]
    display = SamplesDisplay.from_images(X[:4], X[4:], **params)
    np.testing.assert_allclose(display.generated, expected[4:20], atol=UINT8_STEP)


def test_a_frozen_autoencoder_will_do():
    X = as_uint(colour(), np.uint8)
    cae = FrozenEstimator(small_cae(small_autoencoder(latent_dim=3)).fit(X))
    sampler = LatentSampler(cae, GaussianMixture(2), random_state=0).fit(X)
    display = SamplesDisplay.from_estimator(sampler, X, n_images=4)
    # float32 holds a level to 6e-8.
    np.testing.assert_allclose(display.real, X[:4] / 255, atol=1e-7)


def test_it_draws_on_given_axes(sampler):
    figure, axes = plt.subplots(1, 2)
    display = SamplesDisplay.from_estimator(sampler, gray(), axes=axes)
    assert display.figure_ is figure


def test_axes_of_a_wrong_shape_are_refused(sampler):
    _, axes = plt.subplots(3)
    with pytest.raises(ValueError, match=r"axes have shape \(3,\); expected \(2,\): one for the"):
        SamplesDisplay.from_estimator(sampler, gray(), axes=axes)


def test_images_of_another_size_are_refused():
    message = r"a real image has shape \(8, 8\) and a generated one \(8, 9\); both have one layout"
    with pytest.raises(ValueError, match=message):
        SamplesDisplay.from_images(gray(), gray(width=9))


def test_images_in_other_units_are_refused(sampler):
    with pytest.raises(ValueError, match=r"X has dtype uint8 .* in the data range 0 to 1"):
        SamplesDisplay.from_estimator(sampler, as_uint(gray(), np.uint8))


def test_given_images_in_other_units_are_refused():
    with pytest.raises(ValueError, match=r"generated has dtype float32 .* Convert generated"):
        SamplesDisplay.from_images(as_uint(gray(), np.uint8), gray())


def test_what_draws_no_images_is_refused():
    message = re.escape("has no interpolate; expected a fitted LatentSampler.")
    with pytest.raises(ValueError, match=message):
        SamplesDisplay.from_estimator(GaussianMixture(), gray())


def test_a_sampler_has_to_be_fitted():
    with pytest.raises(NotFittedError):
        SamplesDisplay.from_estimator(LatentSampler(small_cae()), gray())


def test_images_with_two_channels_are_refused():
    X = colour(n_channels=2)
    with pytest.raises(ValueError, match="2 channels cannot be shown"):
        SamplesDisplay.from_images(X, X)


def test_plot_returns_the_display():
    display = SamplesDisplay.from_images(gray(), gray())
    assert display.plot() is display


def test_the_global_settings_of_matplotlib_stay():
    before = dict(mpl.rcParams)
    SamplesDisplay.from_images(gray(), gray())
    assert dict(mpl.rcParams) == before
