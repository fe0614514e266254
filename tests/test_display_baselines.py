"""Figures as a whole, beside those of tests/baseline, without titles and labels of ticks.

After a wanted change: ``pytest tests/test_display_baselines.py`` with
``--mpl-generate-path=tests/baseline``.
"""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_cae.display import (
    DenoisingDisplay,
    FeatureMapsDisplay,
    LearningCurvesDisplay,
    NoiseRobustnessDisplay,
    ReconstructionErrorDisplay,
)

# The tolerance is a root mean square of gray levels from 0 to 255. Other versions of FreeType and
# matplotlib smooth letters and lines otherwise; one row with noise stronger by a fifth is already
# a change of 4.3.
compare = pytest.mark.mpl_image_compare(
    baseline_dir="baseline",
    style="default",
    remove_text=True,
    tolerance=4,
    savefig_kwargs={"dpi": 40},
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def ramps(n_channels, n_images=2):
    """Images (n, 8, 8, C) that go from black to white, each channel and image in its own way."""
    along = np.linspace(0, 1, 64).reshape(8, 8)
    exponents = 0.5 + np.arange(n_images * n_channels).reshape(n_images, 1, 1, n_channels)
    return along[None, :, :, None] ** exponents


def noisy_ramps(n_channels, std):
    clean = ramps(n_channels)
    noise = np.random.default_rng(0).normal(0, std, clean.shape)
    return (clean + noise).clip(0, 1)


@compare
def test_denoising_gray():
    return DenoisingDisplay.from_predictions(
        ramps(1), noisy_ramps(1, 0.2), {"median": noisy_ramps(1, 0.1), "ours": noisy_ramps(1, 0.05)}
    ).figure_


@compare
def test_denoising_colour_with_zoom_and_errors():
    return DenoisingDisplay.from_predictions(
        ramps(3), noisy_ramps(3, 0.2), noisy_ramps(3, 0.05), zoom=(1, 2, 4, 4), errors=True
    ).figure_


@compare
def test_learning_curves():
    epochs = np.arange(1, 11)
    return LearningCurvesDisplay.from_history(
        {
            "train_loss": 1 / epochs,
            "valid_loss": 0.9 / epochs + 0.002 * epochs**2,
            "valid_psnr": 20 - 0.2 * (epochs - 6) ** 2,
            "noisy_psnr": np.full(10, 17.0),
        }
    ).figure_


@compare
def test_feature_maps():
    maps = {"encoder.stages.0": ramps(3, 1)[0], "encoder.code": ramps(2, 1)[0, ::2, ::2]}
    filters = np.linspace(-1, 1, 27).reshape(3, 3, 3, 1) ** 3
    return FeatureMapsDisplay(image=ramps(1)[0], maps=maps, filters=filters).plot(n_maps=3).figure_


@compare
def test_noise_robustness():
    levels = np.array([0.1, 0.2, 0.4])
    noisy = -20 * np.log10(levels)
    psnr = {"median": noisy + 2, "ours": noisy + np.array([6, 4, -1])}
    return NoiseRobustnessDisplay(levels=levels, psnr=psnr, psnr_noisy=noisy).plot().figure_


@compare
def test_reconstruction_errors():
    errors = {"normal": np.geomspace(1e-3, 1e-2, 6), "other": np.geomspace(5e-3, 1e-1, 6)}
    images = {"normal": ramps(3, 6), "other": 1 - ramps(3, 6)}
    return ReconstructionErrorDisplay(errors=errors, images=images).plot(n_images=4).figure_
