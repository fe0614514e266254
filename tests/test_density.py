import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import KernelDensity, NearestNeighbors
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from sklearn_cae import CodeDensity
from sklearn_cae._density import score_codes

RNG = np.random.default_rng(0)


@parametrize_with_checks([CodeDensity()])
def test_scikit_learn(estimator, check):
    check(estimator)


def test_no_check_of_scikit_learn_falls_silent():
    # A wrong tag makes the checks fall silent, not fail.
    assert len(list(estimator_checks_generator(CodeDensity()))) >= 40


def test_new_codes_score_the_kernel_density_of_scikit_learn():
    train, test = RNG.normal(size=(50, 8)), RNG.normal(size=(20, 8))
    distance = np.sqrt(2 * train.var(axis=0).sum())
    reference = KernelDensity(bandwidth=0.3 * distance).fit(train)
    expected = reference.score_samples(test)
    scores = CodeDensity(0.3).fit(train).score_samples(test)
    # The kernel here is 1 at its centre instead of having an integral of 1.
    np.testing.assert_allclose(scores - expected, (scores - expected)[0], rtol=1e-9)
    assert CodeDensity(0.3).fit(train).distance_ == pytest.approx(distance)


def test_long_codes_are_compared_by_direction():
    codes = RNG.normal(size=(50, 16))
    density = CodeDensity().fit(codes)
    np.testing.assert_allclose(density.score_samples(codes * 7), density.score_samples(codes))


def test_short_codes_are_compared_as_they_are():
    codes = RNG.normal(size=(50, 2))
    density = CodeDensity().fit(codes)
    assert (density.score_samples(codes * 7) < density.score_samples(codes)).mean() > 0.9


@pytest.mark.parametrize(("length", "normalize"), [(2, True), (16, False)])
def test_the_user_may_say_whether_codes_are_compared_by_direction(length, normalize):
    codes = RNG.normal(size=(50, length))
    density = CodeDensity(normalize=normalize).fit(codes)
    alike = np.isclose(density.score_samples(codes * 7), density.score_samples(codes))
    assert alike.all() if normalize else not alike.any()


def test_parameters_set_after_fit_change_no_result():
    codes = RNG.normal(size=(50, 4))
    density = CodeDensity().fit(codes)
    expected = density.score_samples(codes)
    density.set_params(bandwidth=9, normalize=True)
    np.testing.assert_array_equal(density.score_samples(codes), expected)


def test_the_training_codes_are_a_copy():
    codes = RNG.normal(size=(50, 4))
    density = CodeDensity().fit(codes)
    expected = density.score_samples(codes[:1] + 1)
    codes[:] = 0
    assert density.score_samples(density.codes_[:1] + 1) == expected


def test_a_training_code_does_not_count_for_itself():
    codes = RNG.normal(size=(30, 4))
    density = CodeDensity().fit(codes)
    apart = np.linalg.norm(codes[1:] - codes[0], axis=1) / density.distance_
    expected = np.log(np.exp(-(apart**2) / (2 * 0.2**2)).mean())
    assert density.score_samples(codes[:1])[0] == pytest.approx(expected)


def test_training_codes_score_as_new_ones_do():
    codes = RNG.normal(size=(400, 8))
    density = CodeDensity().fit(codes[:200])
    train, new = density.score_samples(codes[:200]), density.score_samples(codes[200:])
    # A third of their standard deviation is 4.7 standard errors of the difference.
    assert abs(train.mean() - new.mean()) < new.std() / 3


def test_equal_codes_score_as_high_as_can_be():
    codes = np.ones((10, 4))
    np.testing.assert_array_equal(CodeDensity().fit(codes).score_samples(codes), 0)


def test_far_codes_are_still_told_apart():
    density = CodeDensity().fit(RNG.normal(size=(50, 4)))
    far, farther = density.score_samples(np.full((2, 4), 1.0) * [[1e3], [1e4]])
    assert np.isfinite(farther)
    assert farther < far


def test_one_code_is_refused():
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        CodeDensity().fit([[1.0, 2.0]])


def test_a_bandwidth_of_zero_is_refused():
    with pytest.raises(ValueError, match="'bandwidth'"):
        CodeDensity(0).fit(np.eye(3))


def test_nearest_neighbours_score_minus_their_mean_distance():
    train, test = RNG.normal(size=(50, 8)), RNG.normal(size=(20, 8))
    expected = -np.sort(cdist(test, train), axis=1)[:, :3].mean(axis=1)
    scores = score_codes(NearestNeighbors(n_neighbors=3).fit(train), test)
    np.testing.assert_allclose(scores, expected)
