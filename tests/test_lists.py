"""Lists of images of different sizes, beyond `fit` and `predict`."""

import numpy as np
import pytest
from small import as_uint, colour, gray, small_cae, small_unet

from sklearn_cae import GaussianNoise, NoiseInjector, Patches

SIZES = [(12, 16), (9, 9), (12, 16), (20, 11)]
IMAGES = [gray(1, *size, seed=i)[0] for i, size in enumerate(SIZES)]


@pytest.fixture(scope="module")
def cae():
    return small_cae(small_unet(), patches=Patches(8, per_image=2)).fit(IMAGES)


def test_scores_of_a_list_are_those_of_each_image(cae):
    scores = cae.score_samples(IMAGES)
    expected = [cae.score_samples(image[np.newaxis])[0] for image in IMAGES]
    assert scores.shape == (4,)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_maps_of_a_list_are_those_of_each_image(cae):
    maps = cae.feature_maps(IMAGES, "encoder.stages.1")
    for image, own in zip(IMAGES, maps, strict=True):
        expected = cae.feature_maps(image[np.newaxis], "encoder.stages.1")[0]
        np.testing.assert_allclose(own, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("fitted", [True, False])
def test_a_list_is_corrupted_as_each_image_is(fitted):
    # Each fills the range, so that it is learned alike from all of them and from one.
    images = [np.linspace(0, 255, h * w).reshape(h, w).astype(np.uint8) for h, w in SIZES]
    injector = NoiseInjector(GaussianNoise(0.1), random_state=0)
    if fitted:
        injector.fit(images[0][np.newaxis])
    noisy = injector.corrupt(images)
    assert [image.dtype for image in noisy] == [np.uint8] * 4
    for image, own in zip(images, noisy, strict=True):
        np.testing.assert_array_equal(own, np.asarray(injector.corrupt(image[np.newaxis]))[0])
        assert not np.array_equal(own, image)


def test_images_of_one_size_in_a_list_are_still_pairs():
    noisy = NoiseInjector(random_state=0).corrupt([IMAGES[0], IMAGES[2]])
    assert noisy.clean.shape == (2, 12, 16)


def test_a_list_of_colour_images_keeps_its_channels():
    images = [colour(1, *size)[0] for size in SIZES]
    noisy = NoiseInjector(random_state=0).corrupt(images)
    assert [image.shape for image in noisy] == [(*size, 3) for size in SIZES]


def test_a_list_in_other_units_is_refused(cae):
    with pytest.raises(ValueError, match=r"units|data range"):
        cae.score_samples([as_uint(image, np.uint8) for image in IMAGES])
