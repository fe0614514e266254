import pickle

import numpy as np
import pytest
from small import gray, small_cae, weights

from sklearn_cae.callbacks import WeightHistory


def trained(history, n_epochs=4, **params):
    return small_cae(max_epochs=n_epochs, callbacks=[history], **params).fit(gray())


def test_every_epoch_is_kept_and_what_was_before():
    history = WeightHistory()
    trained(history)
    assert history.epochs_ == [0, 1, 2, 3, 4]
    assert len(history.weights_) == 5


def test_some_epochs_are_kept_and_always_the_last():
    history = WeightHistory(every=3)
    trained(history)
    assert history.epochs_ == [0, 3, 4]


def test_the_last_weights_are_those_of_the_network():
    history = WeightHistory()
    # 100 steps and more: fewer end with new statistics of batch normalisation.
    cae = trained(history, n_epochs=50)
    last = weights(cae)
    for name, values in history.weights_[-1].items():
        np.testing.assert_array_equal(values, last[name].astype(np.float16))


def test_the_first_weights_are_those_before_training():
    one, other = WeightHistory(), WeightHistory()
    trained(one, n_epochs=1)
    trained(other, n_epochs=2)
    for name, values in one.weights_[0].items():
        np.testing.assert_array_equal(values, other.weights_[0][name])
        assert values.dtype == np.float16


def test_a_second_training_begins_anew():
    history = WeightHistory()
    trained(history, n_epochs=3)
    trained(history, n_epochs=1)
    assert history.epochs_ == [0, 1]


def test_a_training_that_goes_on_goes_on_with_its_history():
    history = WeightHistory()
    cae = trained(history, n_epochs=2, warm_start=True)
    cae.fit(gray())
    assert history.epochs_ == [0, 1, 2, 3, 4]


def test_a_number_that_is_not_allowed_is_told():
    with pytest.raises(ValueError, match="'every' parameter of WeightHistory"):
        trained(WeightHistory(every=0))


def test_a_pickle_leaves_the_weights_behind():
    history = WeightHistory(every=2)
    trained(history)
    opened = pickle.loads(pickle.dumps(history))
    assert opened.every == 2
    assert not hasattr(opened, "epochs_")
