from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
from small import gray, identity_cae, small_cae

from sklearn_cae import GaussianNoise, NoiseInjector, SaltAndPepperNoise
from sklearn_cae.display import NoiseRobustnessDisplay
from sklearn_cae.metrics import peak_signal_noise_ratio

X = gray(6)
LEVELS = (0.1, 0.3)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def models():
    return {"identity": identity_cae(X), "ours": small_cae().fit(X)}


def lines(display):
    return {line.get_label(): line.get_xydata().T for line in display.ax_.get_lines()}


def psnr_at(level, predict):
    noisy = np.asarray(NoiseInjector(GaussianNoise(level), random_state=0).corrupt(X))
    return peak_signal_noise_ratio(X, predict(noisy), data_range=1)


def test_each_model_has_a_line_of_its_psnr_at_each_level(models):
    display = NoiseRobustnessDisplay.from_estimators(models, X, levels=LEVELS)
    expected = [psnr_at(level, models["ours"].predict) for level in LEVELS]
    np.testing.assert_allclose(lines(display)["ours"], [LEVELS, expected])


def test_the_noisy_images_are_the_reference(models):
    display = NoiseRobustnessDisplay.from_estimators(models, X, levels=LEVELS)
    expected = [psnr_at(level, np.copy) for level in LEVELS]
    np.testing.assert_allclose(lines(display)["noisy"], [LEVELS, expected])


def test_a_model_that_changes_nothing_lies_on_the_reference(models):
    drawn = lines(NoiseRobustnessDisplay.from_estimators(models, X, levels=LEVELS))
    # The network works in float32.
    np.testing.assert_allclose(drawn["identity"], drawn["noisy"], atol=1e-4)


def test_noise_that_leaves_the_data_range_is_clipped_for_the_reference(models):
    options = {"noise": partial(GaussianNoise, clip=False), "levels": [0.5]}
    unclipped = NoiseRobustnessDisplay.from_estimators(models, X, **options)
    clipped = NoiseRobustnessDisplay.from_estimators(models, X, levels=[0.5])
    np.testing.assert_allclose(unclipped.psnr_noisy, clipped.psnr_noisy)


@pytest.mark.parametrize(
    ("noise", "label"),
    [
        (GaussianNoise, "std of GaussianNoise"),
        (SaltAndPepperNoise, "amount of SaltAndPepperNoise"),
        (lambda level: GaussianNoise(level), "noise level"),
    ],
)
def test_the_level_has_its_name(models, noise, label):
    display = NoiseRobustnessDisplay.from_estimators(models, X, noise=noise, levels=[0.1])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == (label, "PSNR (dB)")


def test_one_model_alone(models):
    display = NoiseRobustnessDisplay.from_estimator(models["ours"], X, levels=LEVELS)
    assert list(lines(display)) == ["denoised", "noisy"]


def test_no_noise_at_all_counts_with_100_db(models):
    display = NoiseRobustnessDisplay.from_estimator(models["identity"], X, levels=[0.0])
    np.testing.assert_array_equal(display.psnr_noisy, [100])


def test_models_of_different_data_ranges_are_refused(models):
    wide = small_cae(data_range=(0, 2)).fit(X)
    with pytest.raises(ValueError, match=r"different data ranges.*Fit them all with one"):
        NoiseRobustnessDisplay.from_estimators(models | {"wide": wide}, X, levels=[0.1])


def test_it_draws_on_a_given_axes(models):
    figure, ax = plt.subplots()
    display = NoiseRobustnessDisplay.from_estimators(models, X, levels=[0.1], ax=ax)
    assert (display.ax_, display.figure_) == (ax, figure)
    assert display.plot() is display
