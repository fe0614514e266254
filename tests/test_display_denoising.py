import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_cae import DenoisingCAE, GaussianNoise, NoiseInjector
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def gray():
    return RNG.random((10, 8, 8))


@pytest.fixture(scope="module")
def cae(gray):
    return DenoisingCAE(channels=(4,), max_epochs=1, random_state=0).fit(gray)


def shown(display, row, column):
    """The values of a picture as drawn, from 0 to 1."""
    (image,) = display.axes_[row, column].get_images()
    return image.norm(image.get_array()) if image.get_array().ndim == 2 else image.get_array()


def test_three_rows_and_a_column_for_each_image(cae, gray):
    assert DenoisingDisplay.from_estimator(cae, gray, n_images=5).axes_.shape == (3, 5)


def test_at_most_all_images_are_shown(cae, gray):
    assert DenoisingDisplay.from_estimator(cae, gray, n_images=50).axes_.shape == (3, 10)


def test_psnr_stands_under_each_column(cae, gray):
    display = DenoisingDisplay.from_estimator(cae, gray, n_images=3)
    noisy = np.asarray(NoiseInjector(random_state=0).corrupt(gray[:3]))
    psnr = peak_signal_noise_ratio(gray[:3], cae.predict(noisy), data_range=1, reduction="none")
    assert [ax.get_xlabel() for ax in display.axes_[2]] == [f"{p:.1f} dB" for p in psnr]


def test_the_rows_are_named(cae, gray):
    display = DenoisingDisplay.from_estimator(cae, gray, n_images=2)
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == ["clean", "noisy", "denoised"]


@pytest.mark.parametrize(
    ("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (np.float64, 1)]
)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_any_dtype_shows_rightly(dtype, white, n_channels):
    clean = np.zeros((2, 6, 6, n_channels), dtype)
    clean[:, :3] = white
    display = DenoisingDisplay.from_predictions(clean, clean, clean)
    picture = np.asarray(shown(display, 0, 0)).reshape(6, 6, n_channels)
    np.testing.assert_array_equal(picture, clean[0] / white)


def test_channels_first_images_show_as_channels_last_ones():
    images = RNG.random((2, 6, 7, 3))
    last = DenoisingDisplay.from_predictions(images, images, images)
    first = DenoisingDisplay.from_predictions(*[np.moveaxis(images, 3, 1)] * 3, channel_axis=1)
    np.testing.assert_array_equal(shown(first, 1, 1), shown(last, 1, 1))


def test_rows_show_with_their_image_shape():
    images = RNG.random((2, 4, 6))
    rows = DenoisingDisplay.from_predictions(*[images.reshape(2, 24)] * 3, image_shape=(4, 6))
    np.testing.assert_allclose(shown(rows, 0, 1), images[1])


def test_the_noise_may_differ_from_that_of_the_training(cae, gray):
    display = DenoisingDisplay.from_estimator(cae, gray, noise="salt_and_pepper", n_images=4)
    # The values that are kept pass through float32.
    changed = np.abs(display.noisy - display.clean) > 1e-6
    assert set(np.unique(display.noisy[changed])) == {0, 1}


def test_unclipped_noise_shows_clipped(gray):
    injector = NoiseInjector(GaussianNoise(0.5, clip=False), random_state=0)
    noisy = np.asarray(injector.corrupt(gray))
    display = DenoisingDisplay.from_predictions(gray, noisy, gray)
    (image,) = display.axes_[1, 0].get_images()
    assert (image.norm.vmin, image.norm.vmax) == (0, 1)


def test_it_draws_on_given_axes(gray):
    figure, axes = plt.subplots(3, 2)
    display = DenoisingDisplay.from_predictions(gray, gray, gray, n_images=2, axes=axes)
    assert display.figure_ is figure


def test_axes_of_a_wrong_shape_are_refused(gray):
    _, axes = plt.subplots(2, 2)
    with pytest.raises(ValueError, match=r"axes have shape \(2, 2\); expected \(3, 2\)"):
        DenoisingDisplay.from_predictions(gray, gray, gray, n_images=2, axes=axes)


def test_images_of_different_shapes_are_refused(gray):
    with pytest.raises(ValueError, match="shape"):
        DenoisingDisplay.from_predictions(gray, gray[:, :4], gray)


def test_images_with_two_channels_are_refused():
    images = RNG.random((2, 6, 6, 2))
    with pytest.raises(ValueError, match="2 channels cannot be shown"):
        DenoisingDisplay.from_predictions(images, images, images)


def test_plot_returns_the_display(gray):
    display = DenoisingDisplay.from_predictions(gray, gray, gray)
    assert display.plot() is display


def test_the_global_settings_of_matplotlib_stay(gray):
    before = dict(mpl.rcParams)
    DenoisingDisplay.from_predictions(gray, gray, gray)
    assert dict(mpl.rcParams) == before
