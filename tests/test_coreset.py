import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_cae import CoresetNeighbors


@parametrize_with_checks([CoresetNeighbors(20, random_state=0)])
def test_scikit_learn(estimator, check):
    check(estimator)


def test_kept_rows_lie_near_all_others():
    rng = np.random.default_rng(0)
    # A crowd and one rare place: a random choice of ten would most often lose it.
    rows = np.concatenate([rng.normal(size=(2000, 3)), [[20.0, 0, 0]]])
    density = CoresetNeighbors(10, random_state=0).fit(rows)
    np.testing.assert_allclose(density.score_samples(rows[-1:]), 0, atol=1e-6)
    assert density.neighbors_.n_samples_fit_ == 10


def test_all_rows_are_kept_where_there_are_few():
    rows = np.random.default_rng(0).normal(size=(30, 3))
    np.testing.assert_allclose(CoresetNeighbors().fit(rows).score_samples(rows), 0, atol=1e-6)


def test_the_distances_to_several_neighbours_are_averaged():
    rows = np.array([[0.0], [1.0], [5.0]])
    density = CoresetNeighbors(n_neighbors=2).fit(rows)
    np.testing.assert_allclose(density.score_samples([[0.0]]), [-0.5])


def test_long_rows_are_compared_in_a_projection():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(300, 400)), 3 * rng.normal(size=(3, 400))])
    density = CoresetNeighbors(20, random_state=0).fit(rows)
    np.testing.assert_allclose(density.score_samples(rows[-3:]), 0, atol=1e-5)


@pytest.mark.parametrize("params", [{"n_kept": 0}, {"n_neighbors": 0}, {"n_kept": 2.5}])
def test_a_wrong_parameter_is_refused(params):
    with pytest.raises(ValueError, match="parameter of CoresetNeighbors must be"):
        CoresetNeighbors(**params).fit(np.eye(3))


def test_more_neighbours_than_rows_are_refused():
    with pytest.raises(ValueError, match="minimum of 5"):
        CoresetNeighbors(n_neighbors=5).fit(np.eye(3))


def test_more_neighbours_than_rows_to_keep_are_refused():
    with pytest.raises(ValueError, match="n_neighbors=3 is more than n_kept=2"):
        CoresetNeighbors(2, n_neighbors=3).fit(np.eye(5))
