import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from small import LAYOUTS, UINT8_STEP, as_uint, colour, gray, identity_cae, small_cae

from sklearn_cae import CAEOutlierDetector
from sklearn_cae.display import AnomalyMapDisplay

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def small_detector(X, **params):
    cae = small_cae(**params)
    return CAEOutlierDetector(cae, outlier_score="reconstruction", random_state=0).fit(X)


@pytest.fixture(scope="module")
def detector():
    return small_detector(gray())


@pytest.fixture
def display():
    """Two colour images with maps of their own."""
    maps = RNG.random((2, 6, 5))
    return AnomalyMapDisplay(
        images=RNG.random((2, 6, 5, 3)),
        maps=maps,
        scores=np.array([-1.23456, -0.5]),
        p_values=np.array([0.0123, 1.0]),
        masks=maps > 0.95,
    ).plot()


def pictures(ax):
    return [np.asarray(image.get_array()) for image in ax.get_images()]


def test_a_row_of_images_and_one_of_maps(detector):
    assert AnomalyMapDisplay.from_estimator(detector, gray(), n_images=5).axes_.shape == (2, 5)


def test_at_most_all_images_are_shown(detector):
    assert AnomalyMapDisplay.from_estimator(detector, gray(3)).axes_.shape == (2, 3)


def test_maps_scores_and_p_values_are_those_of_the_detector(detector):
    X = gray(4, seed=1)
    display = AnomalyMapDisplay.from_estimator(detector, X)
    np.testing.assert_array_equal(display.maps, detector.anomaly_map(X))
    np.testing.assert_array_equal(display.scores, detector.score_samples(X))
    np.testing.assert_array_equal(display.p_values, detector.p_values(X))
    np.testing.assert_array_equal(display.masks, detector.anomaly_mask(X))


def test_the_maps_lie_over_the_images_in_gray(display):
    for i, ax in enumerate(display.axes_[1]):
        below, above = pictures(ax)
        # The luminance of ITU-R BT.709, as in skimage.color.rgb2gray.
        np.testing.assert_allclose(below, display.images[i] @ [0.2125, 0.7154, 0.0721])
        np.testing.assert_array_equal(above, display.maps[i])


def test_the_first_row_shows_the_images(display):
    for i, ax in enumerate(display.axes_[0]):
        np.testing.assert_array_equal(pictures(ax)[0], display.images[i])


def test_one_colour_scale_holds_for_all_maps(display):
    limits = {ax.get_images()[1].get_clim() for ax in display.axes_[1]}
    assert limits == {(0, np.quantile(display.maps, 0.995))}
    assert display.colorbar_.mappable.get_clim() in limits


def test_the_larger_the_error_the_more_opaque_the_map(display):
    _, drawn = display.axes_[1, 0].get_images()
    errors, opacity = display.maps[0].ravel(), drawn.get_alpha().ravel()
    assert (np.diff(opacity[errors.argsort()]) >= 0).all()
    assert opacity.max() <= 1


def test_score_and_p_value_stand_below_each_image(display):
    labels = [ax.get_xlabel() for ax in display.axes_[1]]
    assert labels == ["score -1.23\np = 0.012", "score -0.5\np = 1"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_of_any_layout_show_rightly(layout):
    X, params, expected = LAYOUTS[layout]
    display = AnomalyMapDisplay.from_estimator(small_detector(X, **params), X, n_images=24)
    np.testing.assert_allclose(display.images, expected, atol=UINT8_STEP)
    assert display.maps.shape == expected.shape[:3]


def test_one_assessment_tells_all(monkeypatch):
    fitted = small_detector(gray())
    assessed = fitted.assess(gray())
    calls = []
    monkeypatch.setattr(type(fitted), "assess", lambda self, X: calls.append(len(X)) or assessed)
    for method in ("score_samples", "p_values", "anomaly_map"):
        monkeypatch.delattr(type(fitted), method)
    AnomalyMapDisplay.from_estimator(fitted, gray(), n_images=24)
    assert calls == [24]


def test_images_of_two_pixels_show():
    X = gray(height=2, width=2)
    assert AnomalyMapDisplay.from_estimator(small_detector(X), X[:1]).axes_.shape == (2, 1)


def test_a_frozen_autoencoder_will_do():
    X = as_uint(colour(), np.uint8)
    cae = FrozenEstimator(small_cae().fit(X))
    detector = CAEOutlierDetector(cae, outlier_score="reconstruction", random_state=0).fit(X)
    display = AnomalyMapDisplay.from_estimator(detector, X)
    # float32 holds a level to 6e-8.
    np.testing.assert_allclose(display.images, X[:8] / 255, atol=1e-7)


def test_maps_without_any_error_show():
    detector = CAEOutlierDetector(
        FrozenEstimator(identity_cae(gray())), outlier_score="reconstruction", random_state=0
    ).fit(gray())
    display = AnomalyMapDisplay.from_estimator(detector, gray(), n_images=2)
    display.figure_.draw_without_rendering()
    assert pictures(display.axes_[1, 0])[1].max() == 0


def test_it_draws_on_given_axes(detector):
    figure, axes = plt.subplots(2, 2)
    display = AnomalyMapDisplay.from_estimator(detector, gray(), n_images=2, axes=axes)
    assert display.figure_ is figure


def test_axes_of_a_wrong_shape_are_refused(detector):
    _, axes = plt.subplots(2, 3)
    with pytest.raises(ValueError, match=r"axes have shape \(2, 3\); expected \(2, 2\): a row of"):
        AnomalyMapDisplay.from_estimator(detector, gray(), n_images=2, axes=axes)


def test_what_gives_no_maps_is_refused():
    message = re.escape("has no assess; expected a fitted CAEOutlierDetector.")
    with pytest.raises(ValueError, match=message):
        AnomalyMapDisplay.from_estimator(small_cae(), gray())


def test_a_detector_has_to_be_fitted():
    with pytest.raises(NotFittedError):
        AnomalyMapDisplay.from_estimator(CAEOutlierDetector(), gray())


def test_images_with_two_channels_are_refused():
    X = colour(n_channels=2)
    with pytest.raises(ValueError, match="2 channels cannot be shown"):
        AnomalyMapDisplay.from_estimator(small_detector(X), X)


def test_plot_returns_the_display(display):
    assert display.plot() is display


def test_the_global_settings_of_matplotlib_stay(display):
    before = dict(mpl.rcParams)
    display.plot()
    assert dict(mpl.rcParams) == before


def test_a_line_surrounds_odd_pixels(display):
    lines = [
        [c for c in ax.get_children() if isinstance(c, mpl.contour.ContourSet)]
        for ax in display.axes_[1]
    ]
    assert [bool(found) for found in lines] == list(display.masks.any(axis=(1, 2)))
