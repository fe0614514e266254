import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from small import small_cae

from sklearn_cae import ClassicalDenoiser, GaussianNoise, NoiseInjector
from sklearn_cae.display import DenoisingDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio, structural_similarity

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
    return small_cae().fit(gray)


def shown(display, row, column):
    """The values of a picture as drawn, from 0 to 1."""
    (image,) = display.axes_[row, column].get_images()
    return image.norm(image.get_array()) if image.get_array().ndim == 2 else image.get_array()


def test_three_rows_and_a_column_for_each_image(cae, gray):
    assert DenoisingDisplay.from_estimator(cae, gray, n_images=5).axes_.shape == (3, 5)


def test_at_most_all_images_are_shown(cae, gray):
    assert DenoisingDisplay.from_estimator(cae, gray, n_images=50).axes_.shape == (3, 10)


def test_psnr_and_ssim_stand_under_each_picture(cae, gray):
    display = DenoisingDisplay.from_estimator(cae, gray, n_images=3)
    noisy = np.asarray(NoiseInjector(random_state=0).corrupt(gray[:3]))
    for row, images in ((1, noisy), (2, cae.predict(noisy))):
        psnr = peak_signal_noise_ratio(gray[:3], images, data_range=1, reduction="none")
        ssim = structural_similarity(gray[:3], images, data_range=1, reduction="none")
        texts = [f"{p:.1f} dB\nSSIM {s:.2f}" for p, s in zip(psnr, ssim, strict=True)]
        assert [ax.get_xlabel() for ax in display.axes_[row]] == texts


@pytest.mark.parametrize("size", [(1, 16), (2, 2)])
def test_images_too_small_for_ssim_have_their_psnr_alone(size):
    strips = np.full((2, *size), 0.5)
    display = DenoisingDisplay.from_predictions(strips, strips + 0.1, strips + 0.01)
    assert [ax.get_xlabel() for ax in display.axes_[1:, 0]] == ["20.0 dB", "40.0 dB"]


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
    np.testing.assert_array_equal(picture, (clean[0] / white).astype(np.float32))


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


def test_it_draws_on_axes_without_their_dimension_of_length_one(gray):
    _, axes = plt.subplots(3, 1)
    display = DenoisingDisplay.from_predictions(gray, gray, gray, n_images=1, axes=axes)
    assert display.axes_.shape == (3, 1)
    assert display.axes_[2, 0] is axes[2]


def test_axes_of_a_wrong_shape_are_refused(gray):
    _, axes = plt.subplots(2, 2)
    with pytest.raises(ValueError, match=r"axes have shape \(2, 2\); expected \(3, 2\)"):
        DenoisingDisplay.from_predictions(gray, gray, gray, n_images=2, axes=axes)


def test_images_of_different_shapes_are_refused(gray):
    with pytest.raises(ValueError, match="shape"):
        DenoisingDisplay.from_predictions(gray, gray[:, :4], gray)


@pytest.mark.parametrize("n_channels", [2, 13])
def test_images_with_other_channels_are_refused(n_channels):
    images = RNG.random((2, 6, 6, n_channels))
    with pytest.raises(ValueError, match=f"{n_channels} channels cannot be shown.*from_predict"):
        DenoisingDisplay.from_predictions(images, images, images)


def test_each_model_has_its_row_with_what_it_predicts(cae, gray):
    pairs = NoiseInjector(random_state=0).fit_transform(gray)
    models = {"median": ClassicalDenoiser("median").fit(pairs), "ours": cae}
    display = DenoisingDisplay.from_estimators(models, gray, n_images=2)
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == ["clean", "noisy", "median", "ours"]
    for row, model in ((2, models["median"]), (3, cae)):
        predicted = model.predict(np.asarray(pairs))[1]
        # The display divides float64 by the data range.
        np.testing.assert_allclose(shown(display, row, 1), predicted, atol=1e-6)


def test_all_models_get_the_noise_of_the_first_that_has_one(cae, gray):
    strong = small_cae(noise=GaussianNoise(0.5)).fit(gray)
    median = ClassicalDenoiser("median").fit(gray, gray)
    display = DenoisingDisplay.from_estimators({"median": median, "a": strong, "b": cae}, gray)
    alone = DenoisingDisplay.from_estimator(strong, gray)
    np.testing.assert_array_equal(display.noisy, alone.noisy)


def test_estimators_of_different_data_ranges_are_refused(gray):
    wide, narrow = (
        ClassicalDenoiser("median", data_range=(0, high)).fit(gray, gray) for high in (2, 1)
    )
    with pytest.raises(ValueError, match=r"different data ranges.*Fit them all with one"):
        DenoisingDisplay.from_estimators({"a": wide, "b": narrow}, gray, noise="gaussian")


def test_images_beyond_a_learned_range_show():
    X = (1000 * RNG.random((12, 8, 8)) + 100).astype(np.uint16)
    X[0, 0, 0] = 65_000
    cae = small_cae().fit(X)
    with pytest.warns(UserWarning, match="hot pixels come back as they are"):
        display = DenoisingDisplay.from_estimator(cae, X, n_images=1)
    assert display.clean.max() > 1
    assert np.asarray(shown(display, 0, 0)).max() > 0
    (image,) = display.axes_[0, 0].get_images()
    assert image.get_clim() == (0, 1)


def test_equal_images_have_the_psnr_at_which_it_is_capped(gray):
    display = DenoisingDisplay.from_predictions(gray, gray, gray, n_images=1)
    assert display.axes_[2, 0].get_xlabel() == "100.0 dB\nSSIM 1.00"


def test_the_images_have_the_layout_of_fit_whatever_was_set_since():
    X = RNG.random((8, 6, 6, 3))
    cae = small_cae().fit(X)
    before = DenoisingDisplay.from_estimator(cae, X)
    after = DenoisingDisplay.from_estimator(cae.set_params(channel_axis=1, data_range=(0, 9)), X)
    np.testing.assert_array_equal(after.noisy, before.noisy)


@pytest.mark.parametrize("name", ["clean", "noisy"])
def test_a_model_cannot_have_the_name_of_another_row(gray, name):
    with pytest.raises(ValueError, match="Name the denoiser"):
        DenoisingDisplay.from_predictions(gray, gray, {name: gray})


def test_zoom_shows_a_part_and_frames_it_in_the_whole(gray):
    display = DenoisingDisplay.from_predictions(gray, gray, gray, n_images=2, zoom=(1, 2, 3, 4))
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == ["clean", "zoom", "noisy", "denoised"]
    np.testing.assert_array_equal(shown(display, 0, 1), gray[1])
    for row in (1, 2, 3):
        np.testing.assert_array_equal(shown(display, row, 1), gray[1, 1:4, 2:6])
    (frame,) = display.axes_[0, 1].patches
    # Pixel (1, 2) begins half a pixel before its centre.
    assert frame.get_bbox().bounds == (1.5, 0.5, 4, 3)


@pytest.mark.parametrize("zoom", [(-1, 0, 4, 4), (0, 0, 9, 4), (0, 5, 4, 4), (0, 0, 0, 4)])
def test_a_zoom_that_leaves_the_image_is_refused(gray, zoom):
    with pytest.raises(ValueError, match=r"expected \(top, left, height, width\)"):
        DenoisingDisplay.from_predictions(gray, gray, gray, zoom=zoom)


def test_errors_stand_below_their_pictures_with_one_symmetric_scale():
    clean = np.full((2, 8, 8, 3), 0.5)
    noisy = clean + np.array([0.3, 0.3, 0])
    better = clean - np.array([0.1, 0, 0])
    display = DenoisingDisplay.from_predictions(clean, noisy, {"ours": better}, errors=True)
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == [
        "clean", "noisy", "error", "ours", "error",
    ]  # fmt: skip
    for row, error in ((2, 0.2), (4, -0.1 / 3)):
        (image,) = display.axes_[row, 1].get_images()
        np.testing.assert_allclose(image.get_array(), error)
        np.testing.assert_allclose((image.norm.vmin, image.norm.vmax), (-0.1 / 3, 0.1 / 3))


def test_the_limit_of_the_errors_can_be_given(gray):
    display = DenoisingDisplay.from_predictions(gray, gray, gray, errors=True, error_limit=0.25)
    (image,) = display.axes_[4, 0].get_images()
    assert (image.norm.vmin, image.norm.vmax) == (-0.25, 0.25)


def test_images_without_errors_have_a_scale_all_the_same(gray):
    display = DenoisingDisplay.from_predictions(gray, gray, gray, errors=True)
    (image,) = display.axes_[4, 0].get_images()
    assert (image.norm.vmin, image.norm.vmax) == (-1, 1)


def test_plot_returns_the_display(gray):
    display = DenoisingDisplay.from_predictions(gray, gray, gray)
    assert display.plot() is display


def test_the_global_settings_of_matplotlib_stay(gray):
    before = dict(mpl.rcParams)
    DenoisingDisplay.from_predictions(gray, gray, gray)
    assert dict(mpl.rcParams) == before
