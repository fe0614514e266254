import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from small import gray, small_cae

from sklearn_cae.display import LearningCurvesDisplay

HISTORY = {
    "train_loss": np.array([0.8, 0.4, 0.2, 0.1]),
    "valid_loss": np.array([0.6, 0.4, 0.3, 0.5]),
    "valid_psnr": np.array([10.0, 12.0, 14.0, 13.0]),
    "noisy_psnr": np.array([11.0, 11.5, 11.0, 11.2]),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def lines(ax):
    return {line.get_label(): line.get_xydata().T for line in ax.get_lines()}


def test_the_curves_stand_over_epochs_from_one():
    display = LearningCurvesDisplay.from_history(HISTORY)
    losses, psnr = (lines(ax) for ax in display.axes_)
    for drawn, values in (
        (losses["train"], HISTORY["train_loss"]),
        (losses["valid"], HISTORY["valid_loss"]),
        (psnr["denoised"], HISTORY["valid_psnr"]),
        (psnr["noisy"], HISTORY["noisy_psnr"]),
    ):
        np.testing.assert_array_equal(drawn, [[1, 2, 3, 4], values])


def test_the_axes_say_what_they_show():
    display = LearningCurvesDisplay.from_history(HISTORY)
    assert [ax.get_ylabel() for ax in display.axes_] == ["loss", "validation PSNR (dB)"]
    assert [ax.get_xlabel() for ax in display.axes_] == ["epoch", "epoch"]


def test_the_best_epoch_is_marked_in_both_panels():
    display = LearningCurvesDisplay.from_history(HISTORY)
    assert display.best_epoch_ == 3
    for ax in display.axes_:
        np.testing.assert_array_equal(lines(ax)["best epoch 3"][0], [3, 3])


def test_the_gap_is_shaded_after_the_best_epoch():
    display = LearningCurvesDisplay.from_history(HISTORY)
    (shade,) = display.axes_[0].collections
    (path,) = shade.get_paths()
    assert shade.get_label() == "overfitting"
    # The losses meet at epoch 2; the best of four epochs is the third.
    assert (path.vertices[:, 0].min(), path.vertices[:, 0].max()) == (3, 4)


@pytest.mark.parametrize(
    "valid_loss",
    [
        pytest.param(HISTORY["train_loss"] / 2, id="validation is the better one"),
        pytest.param(HISTORY["train_loss"] * 2, id="validation gains to the end"),
        pytest.param(np.array([1.0, 0.03, 0.04, 0.05]), id="better and no longer gaining"),
    ],
)
def test_without_overfitting_nothing_is_shaded(valid_loss):
    display = LearningCurvesDisplay.from_history(
        {"train_loss": HISTORY["train_loss"], "valid_loss": valid_loss}
    )
    assert list(display.axes_[0].collections) == []


def test_long_trainings_have_markers_that_do_not_merge():
    display = LearningCurvesDisplay.from_history({"train_loss": 1 / np.arange(1, 301)})
    assert [line.get_markevery() for line in display.axes_[0].get_lines()] == [10]


def test_a_single_axes_will_do_for_a_single_panel():
    figure, ax = plt.subplots()
    display = LearningCurvesDisplay.from_history({"train_loss": [2.0, 1.0]}, axes=ax)
    assert display.axes_.shape == (1,)
    assert display.figure_ is figure


def test_without_validation_there_is_the_training_loss_alone():
    cae = small_cae(max_epochs=2, validation_fraction=0).fit(gray())
    display = LearningCurvesDisplay.from_estimator(cae)
    assert display.best_epoch_ is None
    (ax,) = display.axes_
    np.testing.assert_array_equal(lines(ax)["train"][1], cae.history_["train_loss"])


def test_epochs_of_partial_fit_have_no_validation():
    cae = small_cae(max_epochs=2, validation_fraction=0.25).fit(gray()).partial_fit(gray())
    display = LearningCurvesDisplay.from_estimator(cae)
    assert np.isnan(lines(display.axes_[0])["valid"][1, 2])
    assert display.best_epoch_ == np.argmin(cae.history_["valid_loss"][:2]) + 1


def test_a_fitted_network_has_the_psnr_of_its_noisy_images():
    cae = small_cae(max_epochs=2, validation_fraction=0.25).fit(gray())
    display = LearningCurvesDisplay.from_estimator(cae)
    np.testing.assert_array_equal(lines(display.axes_[1])["noisy"][1], cae.history_["noisy_psnr"])


def test_the_noisy_images_have_a_dashed_line():
    display = LearningCurvesDisplay.from_history(HISTORY)
    (line,) = [line for line in display.axes_[1].get_lines() if line.get_label() == "noisy"]
    assert line.get_linestyle() == "--"


def test_a_validation_of_no_numbers_has_no_best_epoch():
    history = {"train_loss": [2.0, 1.0], "valid_loss": [np.nan, np.nan]}
    assert LearningCurvesDisplay.from_history(history).best_epoch_ is None


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({}, r"history has \[\], but no 'train_loss'. Give history_"),
        ({"valid_loss": [1.0]}, r"history has \['valid_loss'\], but no 'train_loss'"),
        (
            {"train_loss": []},
            "expected one value for each epoch in every curve, for one epoch at least",
        ),
        (
            {"train_loss": [1.0, 0.5], "valid_loss": [1.0]},
            "one value for each epoch in every curve",
        ),
    ],
)
def test_an_empty_or_partial_history_is_refused(history, message):
    with pytest.raises(ValueError, match=message):
        LearningCurvesDisplay.from_history(history)


def test_an_estimator_without_a_history_is_refused():
    with pytest.raises(ValueError, match=r"has no history_; expected a fitted DenoisingCAE"):
        LearningCurvesDisplay.from_estimator(PCA().fit(gray().reshape(24, 64)))


def test_it_draws_on_given_axes():
    figure, axes = plt.subplots(1, 2)
    display = LearningCurvesDisplay.from_history(HISTORY, axes=axes)
    assert display.figure_ is figure
    assert display.plot() is display


def test_an_estimator_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        LearningCurvesDisplay.from_estimator(small_cae())
