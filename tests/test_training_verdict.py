"""Whether a trained network makes images better, as far as the images at hand can tell."""

import numpy as np
import pytest

from sklearn_cae.training import harm_of


class Images:
    """So many images, of which the denoised ones gain these decibels."""

    def __init__(self, *gains, noisy=20.0, clean_targets=True):
        self.gains = np.array(gains)
        self.noisy = noisy
        self.clean_targets = clean_targets

    def __len__(self):
        return len(self.gains)


class Net:
    def quality(self, images):
        gains = images.gains.repeat(2) if len(images) == 1 else images.gains
        return np.stack([images.noisy + gains, np.full(len(gains), images.noisy)])


def harm(train, valid):
    return harm_of(Net(), train, valid)


TRAIN = Images(10.0, 12.0)
MANY = [9.0, -8.0] * 5


def test_images_that_are_worse_are_told_with_both_figures():
    expected = "makes its validation images worse: PSNR 19.0 dB, 20.0 dB before"
    assert harm(TRAIN, Images(1.0, -3.0)) == expected


def test_without_images_held_out_those_of_the_training_are_judged():
    assert harm(Images(-2.0, 1.0), None).startswith("makes its training images worse: PSNR 19.5 dB")
    assert harm(TRAIN, None) is None


def test_few_images_that_differ_more_than_they_gain_are_told():
    # 2.7 dB in the mean, with a standard deviation of 9.6 dB.
    expected = (
        "may make images worse: on 3 validation image(s) PSNR 22.7 dB, 20.0 dB before, a gain with "
        "a standard error of 5.6 dB"
    )
    assert harm(TRAIN, Images(-3.0, 13.8, -2.7)) == expected


@pytest.mark.parametrize("gains", [(6.0, 5.0), (3.0, 5.0, 9.0), MANY], ids=["2", "3", "10"])
def test_images_that_gain_clearly_and_many_images_are_no_harm(gains):
    assert harm(TRAIN, Images(*gains)) is None


@pytest.mark.parametrize(("gain", "told"), [(2.1, True), (2.3, False)])
def test_a_single_image_has_to_keep_a_fifth_of_the_gain_in_training(gain, told):
    found = harm(TRAIN, Images(gain))
    if told:
        assert "on 1 validation image(s) PSNR 22.1 dB, 20.0 dB before" in found
        assert found.endswith("a gain far below the 11.0 dB on its training images")
    else:
        assert found is None


@pytest.mark.parametrize(
    ("train", "valid"),
    [(TRAIN, Images(-1.0, noisy=100.0)), (Images(-1.0, clean_targets=False), Images(-1.0))],
    ids=["no noise", "no clean images"],
)
def test_nothing_is_said_without_noise_or_clean_images(train, valid):
    assert harm(train, valid) is None
