from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import LeaveOneGroupOut, RepeatedKFold, ShuffleSplit
from small import colour, gray, small_cae

from sklearn_cae import CAEOutlierDetector
from sklearn_cae.outliers._calibration import (
    held_out,
    p_values_of_maps,
    p_values_of_pixels,
    p_values_of_scores,
    some_pixels,
    split_images,
    threshold,
)


@pytest.fixture(scope="module")
def frozen():
    return FrozenEstimator(small_cae().fit(gray()))


def detector_of(frozen, **params):
    defaults = {"outlier_score": "reconstruction", "random_state": 0}
    return CAEOutlierDetector(frozen, **defaults | params)


def known(scores, largest=(), pixels=(), weights=None):
    weights = np.ones(len(scores)) if weights is None else weights
    maps = np.array(largest, float)[:, np.newaxis].repeat(2, axis=1) if len(largest) else None
    made = held_out(np.array(scores, float), maps, weights)
    return replace(made, pixels=np.array(pixels, float)) if len(pixels) else made


def test_few_images_are_all_held_out_once():
    splits = split_images("auto", 30, None, 0)
    assert len(splits) == 5
    np.testing.assert_array_equal(np.sort(np.concatenate([t for _, t, _ in splits])), np.arange(30))


def test_of_many_images_one_in_five_is_held_out():
    ((train, rest, _),) = split_images("auto", 200, None, 0)
    assert (len(train), len(rest)) == (160, 40)
    assert set(train).isdisjoint(rest)


def test_a_share_holds_out_one_image_at_least():
    ((_, rest, _),) = split_images(0.01, 10, None, 0)
    assert len(rest) == 1


@pytest.mark.parametrize("calibration", ["auto", 0.4, 3, LeaveOneGroupOut()])
def test_images_of_a_group_are_held_out_together(calibration):
    groups = np.repeat(np.arange(6), 5)
    for train, rest, _ in split_images(calibration, 30, groups, 0):
        assert set(groups[train]).isdisjoint(groups[rest])


def test_the_seed_chooses():
    one, other = (split_images(0.2, 50, None, seed)[0][1] for seed in (0, 1))
    assert set(one) != set(other)


@pytest.mark.parametrize(
    ("calibration", "n_images", "groups", "message"),
    [
        (0.2, 1, None, "n_samples=1: 1 images with calibration=0.2 leave none to train on"),
        (5, 4, None, "n_samples=4: 4 images with calibration=5"),
        ("auto", 6, [0] * 6, "n_samples=6: 1 groups"),
    ],
)
def test_too_few_to_hold_out_are_refused(calibration, n_images, groups, message):
    with pytest.raises(ValueError, match=message):
        split_images(calibration, n_images, groups, 0)


@pytest.mark.parametrize("groups", [[0, 1], np.zeros((12, 2)), 3])
def test_groups_of_another_shape_are_refused(frozen, groups):
    with pytest.raises(ValueError, match=r"groups has the shape .*, but X has 24 images. Give one"):
        detector_of(frozen).fit(gray(), groups=groups)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "a"])
def test_groups_that_miss_labels_are_refused(frozen, missing):
    with pytest.raises(ValueError, match=r"groups holds missing labels, or such of several kinds"):
        detector_of(frozen).fit(gray(), groups=pd.Series([1] * 12 + [missing] * 12, dtype=object))


@pytest.mark.parametrize("groups", [["a", "b", "c"] * 8, pd.DataFrame({"photograph": [7, 8] * 12})])
def test_groups_are_labels_of_any_kind(frozen, groups):
    detector = detector_of(frozen).fit(gray(), groups=groups)
    assert len(detector.held_out_) == len(np.unique(np.ravel(groups)))


@pytest.mark.parametrize("calibration", [RepeatedKFold(n_splits=3, n_repeats=2), ShuffleSplit(9)])
def test_images_that_are_held_out_several_times_are_refused(calibration):
    with pytest.raises(ValueError, match=r"holds some images out \d times, and p-values would"):
        split_images(calibration, 12, None, 0)


def test_each_part_is_compared_with_the_scores_of_its_own_autoencoder():
    groups = [known([1, 2, 3]), known([10, 20])]
    # Of the first image two and one lie as low, of the second none and two.
    p_values = p_values_of_scores(np.array([[2.5, 0], [10, 25]]), groups)
    np.testing.assert_allclose(p_values, [(1 + 2 + 1) / 6, (1 + 0 + 2) / 6])


def test_the_threshold_is_where_p_values_are_a_twentieth():
    scores = np.arange(99.0)
    offset, rate = threshold([known(scores[:40]), known(scores[40:])], 0.05)
    assert (offset, rate) == (4.0, 0.05)  # the fifth of 99


def test_few_images_tell_no_smaller_share_than_one_in_all_of_them():
    assert threshold([known([3.0, 1.0, 2.0])], 0.05) == (1.0, 0.25)


def test_images_of_a_group_share_a_vote():
    groups = np.array([7, 7, 7, 7, 8, 9, 9])
    ((_, rest, votes),) = split_images(LeaveOneGroupOut(), 7, groups, 0)[:1]
    np.testing.assert_allclose(votes, np.full(len(rest), 1 / 4))
    of_seven = known([1, 2, 3, 4], weights=votes)
    # Three of four images of one group lie as low, and those of the two others not.
    others = known([9, 9, 9], weights=[1, 0.5, 0.5])
    p_values = p_values_of_scores(np.array([[3.0], [3.0]]), [of_seven, others])
    np.testing.assert_allclose(p_values, [(1 + 3 / 4) / (1 + 3)])


def test_few_groups_tell_no_smaller_share_than_one_in_all_of_them():
    votes = np.full(100, 1 / 20)
    assert threshold([known(np.arange(100.0), weights=votes)], 0.05) == (0.0, pytest.approx(1 / 6))


def test_false_alarms_with_few_photographs_are_as_rare_as_told():
    rng = np.random.default_rng(0)
    odd = []
    for _ in range(300):
        # Photographs differ in their brightness, and their ten crops hardly.
        scores = rng.normal(size=6).repeat(10) + 0.01 * rng.normal(size=60)
        of_five = known(scores[:50], weights=np.full(50, 1 / 10))
        odd.append(p_values_of_scores(scores[np.newaxis, 50:], [of_five]) <= 1 / 10)
    # 300 draws of photographs have a standard error of 0.017.
    assert np.mean(odd) <= 1 / 10 + 0.03


def test_pixels_of_a_group_share_a_vote():
    maps = np.repeat([0.0, 1.0], [9, 1])[:, np.newaxis].repeat(3, axis=1)
    of_two = held_out(np.zeros(10), maps, np.repeat([1 / 9, 1], [9, 1]))
    p_values = p_values_of_pixels(np.array([[[[0.5, 2.0]]]]), [of_two])
    # Half of the votes lie as high as the first, beside its own map of which all does.
    np.testing.assert_allclose(p_values, [[[(2 * 0.5 + 1) / 3, 0.5 / 3]]], atol=1e-3)


class Across:
    """Holds out one of three images of each group at a time."""

    def split(self, X, y=None, groups=None):
        part = np.arange(57) // 19
        return [(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(3)]


def test_parts_of_a_vote_add_up_to_one():
    splits = split_images(Across(), 57, np.arange(57) % 19, 0)
    parts = [known(np.arange(len(votes)), weights=votes) for _, _, votes in splits]
    assert p_values_of_scores(np.full((3, 1), -1.0), parts) == 1 / 20
    assert threshold(parts, 0.05)[1] == 1 / 20


@pytest.mark.parametrize("size", [(256, 256), (100, 2048), (2048, 512)])
def test_pixels_are_taken_from_all_rows_and_columns(size):
    for axis in (0, 1):
        numbers = np.arange(size[axis]).reshape((-1, 1) if axis == 0 else (1, -1))
        largest, *taken = some_pixels(np.broadcast_to(numbers, size)[np.newaxis])[0]
        assert len(taken) == 4096
        assert largest == size[axis] - 1
        share = np.histogram(taken, bins=8, range=(0, size[axis]))[0] / 4096
        # An eighth, whose standard error is 0.005.
        np.testing.assert_allclose(share, 1 / 8, atol=0.025)
        assert len(np.unique(taken)) > 0.6 * min(size[axis], 4096)


def test_a_mask_counts_images_whose_map_reaches_a_value_anywhere():
    maps = np.array([[[[5.0, 1.0]]]])
    p_values = p_values_of_maps(maps, [known([0, 0, 0], largest=[1, 2, 4])])
    np.testing.assert_allclose(p_values, [[[1 / 4, 4 / 4]]])


def test_a_pixel_is_compared_with_all_pixels_of_normal_images_and_its_own():
    values = np.random.default_rng(0).random((20, 8, 8))
    of_normal = held_out(np.zeros(20), some_pixels(values), np.ones(20))
    new = np.array([[[[0.25, 0.9, 7.0, 8.0]]]])
    shares = np.array([(values >= level).mean() for level in new[0, 0, 0]])
    own = np.array([1, 3 / 4, 2 / 4, 1 / 4])
    p_values = p_values_of_pixels(new, [of_normal])[0, 0]
    np.testing.assert_allclose(p_values, (20 * shares + own) / 21, atol=1e-3)


def test_a_pixel_has_its_own_share_from_each_autoencoder():
    groups = [known([0], pixels=[0] * 10_001), known([0, 0], pixels=[0] * 10_001)]
    maps = np.array([[[[1.0, 2.0]]], [[[2.0, 1.0]]]])
    np.testing.assert_allclose(p_values_of_pixels(maps, groups), np.full((1, 1, 2), 0.75 / 4))


def test_few_normal_images_have_few_odd_pixels():
    # All pixels of an image are equal, so those of few images tell the least about others.
    rng = np.random.default_rng(0)
    images = rng.random((2000, 11, 1, 1)).repeat(64, axis=2)
    odd = [
        p_values_of_pixels(
            maps[np.newaxis, 10:], [held_out(np.zeros(10), some_pixels(maps[:10]), np.ones(10))]
        )
        for maps in images
    ]
    for level in (0.01, 0.2):
        # 2000 draws have a standard error below 0.01.
        assert np.mean(np.array(odd) <= level) < level + 0.02


def test_predict_follows_the_p_value(frozen):
    X = gray(150)
    detector = detector_of(frozen, calibration=0.4).fit(X)
    new = gray(60, seed=1)
    expected = np.where(detector.p_values(new) <= 0.05, -1, 1)
    np.testing.assert_array_equal(detector.predict(new), expected)
    assert detector.false_alarm_rate_ == pytest.approx(3 / 61)


def test_parts_held_out_in_turn_train_an_autoencoder_each():
    X = gray(30)
    detector = detector_of(small_cae(), calibration=3).fit(X)
    scores = [
        CAEOutlierDetector(
            FrozenEstimator(cae), outlier_score="reconstruction", contrast_normalization=True
        )
        .fit(X)
        .score_samples(X)
        for cae in detector.estimators_
    ]
    assert len({tuple(values) for values in scores}) == 3
    # float32 rounds by the size of a batch.
    np.testing.assert_allclose(detector.score_samples(X), np.mean(scores, axis=0), rtol=1e-4)


def test_all_of_few_images_calibrate(frozen):
    assert len(detector_of(frozen).fit(gray(30)).calibration_scores_) == 30


def test_a_frozen_autoencoder_sees_images_once_whatever_is_held_out(frozen):
    detector = detector_of(frozen, calibration=4).fit(gray())
    passes = []
    hook = frozen.estimator.net_.module_.register_forward_hook(lambda *args: passes.append(args))
    encoder = frozen.estimator.net_.module_.encoder
    counted = encoder.register_forward_hook(lambda *args: passes.append(args))
    detector.assess(gray())
    hook.remove()
    counted.remove()
    assert len(passes) == 1


@pytest.mark.parametrize("n_images", [10, 30])
def test_few_normal_images_raise_few_false_alarms(frozen, n_images):
    rng = np.random.default_rng(0)
    alarms, told = [], []
    for seed in range(20):
        X = colour(400, n_channels=1, seed=int(rng.integers(2**31)))[..., 0]
        detector = detector_of(frozen, random_state=seed).fit(X[:n_images])
        alarms.append((detector.predict(X[n_images:]) == -1).mean())
        told.append(detector.false_alarm_rate_)
    # What is told is right on average; the mean of twenty draws has a standard error below 0.02.
    assert abs(np.mean(alarms) - np.mean(told)) < 0.06
    assert np.mean(told) == pytest.approx({10: 1 / 11, 30: 1 / 31}[n_images])


def test_a_sum_of_scores_raises_few_false_alarms_with_few_images(frozen):
    # Each part has two images, whose standard deviation alone would tell nothing.
    rng = np.random.default_rng(0)
    alarms = []
    for seed in range(10):
        X = colour(110, n_channels=1, seed=int(rng.integers(2**31)))[..., 0]
        detector = detector_of(frozen, outlier_score="combined", random_state=seed).fit(X[:10])
        alarms.append((detector.predict(X[10:]) == -1).mean())
    # The mean of ten draws has a standard error below 0.03.
    assert abs(np.mean(alarms) - 1 / 11) < 0.09


def test_all_held_out_images_standardise_the_scores_of_a_sum(frozen):
    detector = detector_of(frozen, outlier_score="combined").fit(gray(10))
    means = [score.means_ for score in detector.outlier_scores_]
    assert len(means) == 5
    np.testing.assert_array_equal(means, np.tile(means[0], (5, 1)))


def test_a_mask_has_an_error_rate_of_its_own(frozen):
    rng = np.random.default_rng(0)
    share = []
    for seed in range(10):
        X = colour(300, n_channels=1, seed=int(rng.integers(2**31)))[..., 0]
        detector = detector_of(frozen, calibration=0.5, random_state=seed).fit(X[:200])
        share.append(detector.anomaly_mask(X[200:], level=0.1).any(axis=(1, 2)).mean())
    # 100 images are held out each time.
    assert 0.06 < np.mean(share) < 0.14


@pytest.mark.parametrize("level", [0, 1, -0.1, "low"])
def test_a_level_is_between_0_and_1(frozen, level):
    detector = detector_of(frozen).fit(gray())
    with pytest.raises((ValueError, TypeError), match="level"):
        detector.anomaly_mask(gray(), level=level)


@pytest.mark.parametrize("calibration", [0, 1, 1.5, "all", -3])
def test_a_wrong_calibration_is_refused(frozen, calibration):
    with pytest.raises(ValueError, match="'calibration' parameter of CAEOutlierDetector"):
        detector_of(frozen, calibration=calibration).fit(gray())
