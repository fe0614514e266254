import numpy as np
import pytest
from skimage import data
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
from sklearn.base import clone

from sklearn_cae import ClassicalDenoiser, NoiseInjector
from sklearn_cae.classical import CLASSICAL_METHODS, available_methods
from sklearn_cae.metrics import peak_signal_noise_ratio, psnr_scorer
from sklearn_cae.noise import GaussianBlur, GaussianNoise, SaltAndPepperNoise


@pytest.fixture(scope="module")
def patches():
    """Sixteen 32 x 32 colour patches of one photograph, uint8."""
    cat = data.chelsea()
    return np.stack(
        [cat[y : y + 32, x : x + 32] for y in range(60, 188, 32) for x in range(100, 228, 32)]
    )


def pairs_of(images, noise):
    return NoiseInjector(noise, random_state=0).fit_transform(images)


@pytest.mark.parametrize(
    ("method", "noise"),
    [
        ("median", SaltAndPepperNoise(0.1)),
        ("total_variation", GaussianNoise(0.1)),
        ("nl_means", GaussianNoise(0.1)),
        ("wavelet", GaussianNoise(0.1)),
        ("unsharp_mask", GaussianBlur(1.5)),
        ("wiener", GaussianBlur(1.5)),
    ],
)
def test_each_filter_improves_the_noise_it_is_made_for(patches, method, noise):
    pairs = pairs_of(patches, noise)
    before = peak_signal_noise_ratio(pairs.clean, pairs, data_range=255)
    after = ClassicalDenoiser(method).fit(pairs).score(pairs)
    assert after > before + 0.5


@pytest.mark.parametrize("method", available_methods())
@pytest.mark.parametrize("shape", [(3, 12, 12), (3, 12, 12, 1), (3, 12, 12, 3)])
def test_output_has_the_shape_and_dtype_of_the_input(method, shape):
    clean = np.random.default_rng(0).random(shape).astype(np.float32)
    pairs = pairs_of(clean, GaussianNoise(0.1))
    denoised = ClassicalDenoiser(method).fit(pairs).predict(pairs)
    assert (denoised.shape, denoised.dtype) == (shape, np.float32)


@pytest.mark.parametrize("method", available_methods())
def test_a_constant_image_stays_constant(method):
    clean = np.full((2, 16, 16), 0.5)
    denoised = ClassicalDenoiser(method).fit(clean, clean).predict(clean)
    # float32 arithmetic of values below 1
    np.testing.assert_allclose(denoised, clean, atol=1e-6)


def test_total_variation_is_that_of_scikit_image(patches):
    pairs = pairs_of(patches, GaussianNoise(0.1))
    tv = ClassicalDenoiser("total_variation").fit(pairs)
    expected = denoise_tv_chambolle(
        np.asarray(pairs)[0].astype(np.float32) / 255, weight=tv.params_["weight"], channel_axis=-1
    )
    # half a gray level of rounding
    np.testing.assert_allclose(tv.predict(pairs)[0], 255 * expected, atol=0.51)


def test_non_local_means_is_that_of_scikit_image(patches):
    pairs = pairs_of(patches, GaussianNoise(0.1))
    nlm = ClassicalDenoiser("nl_means").fit(pairs)
    expected = denoise_nl_means(
        np.asarray(pairs)[0].astype(np.float32) / 255,
        **nlm.params_,
        patch_distance=5,
        channel_axis=-1,
    )
    # half a gray level of rounding
    np.testing.assert_allclose(nlm.predict(pairs)[0], 255 * expected, atol=0.51)


def test_fit_chooses_the_setting_with_the_highest_psnr(patches):
    pairs = pairs_of(patches, SaltAndPepperNoise(0.1))
    median = ClassicalDenoiser("median").fit(pairs)
    function, grid = CLASSICAL_METHODS["median"]
    unit = np.asarray(pairs) / 255
    psnr = [
        peak_signal_noise_ratio(pairs.clean / 255, function(unit, size=size), data_range=1)
        for size in grid["size"]
    ]
    assert median.params_ == {"size": grid["size"][int(np.argmax(psnr))]}
    # float32 in the filter against float64 here
    assert median.psnr_ == pytest.approx(max(psnr), abs=1e-4)


def test_channels_first_images_and_rows_give_what_channels_last_images_give(patches):
    pairs = pairs_of(patches, GaussianNoise(0.1))
    noisy, clean = np.asarray(pairs), pairs.clean
    expected = ClassicalDenoiser("median").fit(noisy, clean).predict(noisy)
    first = ClassicalDenoiser("median", channel_axis=1)
    first.fit(np.moveaxis(noisy, 3, 1), np.moveaxis(clean, 3, 1))
    rows = ClassicalDenoiser("median", image_shape=(32, 32, 3))
    rows.fit(noisy.reshape(16, -1), clean.reshape(16, -1))
    np.testing.assert_array_equal(
        first.predict(np.moveaxis(noisy, 3, 1)), np.moveaxis(expected, 3, 1)
    )
    np.testing.assert_array_equal(rows.predict(noisy.reshape(16, -1)), expected.reshape(16, -1))


def test_it_is_scored_like_any_denoiser(patches):
    pairs = pairs_of(patches, GaussianNoise(0.1))
    median = ClassicalDenoiser("median").fit(pairs)
    assert psnr_scorer(median, pairs, pairs.clean) == median.score(pairs)


def test_clone_gives_an_unfitted_copy(patches):
    pairs = pairs_of(patches, GaussianNoise(0.1))
    copy = clone(ClassicalDenoiser("wavelet").fit(pairs))
    assert copy.method == "wavelet"
    assert not hasattr(copy, "params_")


def test_clean_images_alone_are_refused(patches):
    with pytest.raises(ValueError, match="tuned on pairs"):
        ClassicalDenoiser().fit(patches)


def test_an_unknown_method_is_refused_with_the_names_allowed(patches):
    with pytest.raises(ValueError, match=r"method='bm4d'; allowed are 'median', 'total_variation'"):
        ClassicalDenoiser("bm4d").fit(patches, patches)


def test_images_in_other_units_are_refused(patches):
    pairs = pairs_of(patches, GaussianNoise(0.1))
    with pytest.raises(ValueError, match="Convert the images"):
        ClassicalDenoiser("median").fit(pairs).predict(patches / 255)
