import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from skorch.callbacks import Callback
from small import (
    NoStep,
    as_uint,
    assert_same_weights,
    colour,
    gray,
    small_autoencoder,
    small_cae,
    small_unet,
)

from sklearn_cae import LayerFeatures, NoiseInjector

# The checks send rows of any number of features.
strips = pytest.mark.filterwarnings("ignore:X has .* features, which is not a square number")
LABELS = np.arange(24) % 2
# Codes are computed in fewer operations than the maps of layers.
ROUNDED = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def cae():
    return small_cae(small_unet()).fit(gray())


def frozen(cae, *args, **params):
    return LayerFeatures(FrozenEstimator(cae), *args, **params)


@strips
@parametrize_with_checks([LayerFeatures(small_cae()), LayerFeatures(small_cae(), pooling=None)])
def test_the_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


def test_the_checks_of_scikit_learn_are_many():
    # A wrong tag makes the checks fall silent, not fail.
    checks = list(estimator_checks.estimator_checks_generator(LayerFeatures(small_cae())))
    assert len(checks) >= 42


@strips
@pytest.mark.parametrize(
    "check",
    [
        "check_param_validation",
        "check_set_output_transform",
        "check_transformer_get_feature_names_out",
        "check_transformer_get_feature_names_out_pandas",
        "check_dataframe_column_names_consistency",
    ],
)
def test_the_checks_pass_that_scikit_learn_keeps_for_itself(check):
    getattr(estimator_checks, check)("LayerFeatures", LayerFeatures(small_cae()))


@pytest.mark.parametrize("layer", ["encoder.stages.0", "encoder.code", "decoder.head"])
@pytest.mark.parametrize(("pooling", "pool"), [("mean", np.mean), ("max", np.max)])
def test_features_are_the_pooled_feature_maps(cae, layer, pooling, pool):
    X = gray(seed=1)
    features = frozen(cae, layer, pooling=pooling).fit(X).transform(X)
    expected = pool(cae.feature_maps(X, layer), axis=(1, 2))
    # float32 sums in another order.
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)


def test_without_pooling_features_are_the_values_map_by_map(cae):
    X = gray(seed=1)
    expected = cae.feature_maps(X, "encoder.stages.1").transpose(0, 3, 1, 2).reshape(24, -1)
    features = frozen(cae, "encoder.stages.1", pooling=None).fit_transform(X)
    np.testing.assert_array_equal(features, expected)


def test_without_pooling_those_of_the_code_are_the_codes(cae):
    X = gray(seed=1)
    found = frozen(cae, pooling=None).fit_transform(X)
    np.testing.assert_allclose(found, cae.transform(X), **ROUNDED)


@pytest.mark.parametrize("pooling", ["mean", "max", None])
def test_a_flat_code_stays_as_it_is(pooling):
    cae = small_cae(small_autoencoder(latent_dim=3)).fit(gray())
    features = frozen(cae, "compress", pooling=pooling).fit_transform(gray())
    np.testing.assert_allclose(features, cae.transform(gray()), **ROUNDED)


def test_a_network_is_trained_as_by_itself():
    features = LayerFeatures(small_cae()).fit(gray(), LABELS)
    assert_same_weights(features.estimator_, small_cae().fit(gray()))


def test_the_network_of_the_user_is_left_unfitted():
    cae = small_cae(callbacks=[Callback()])
    before = repr(cae)
    features = LayerFeatures(cae).fit(gray())
    assert not hasattr(cae, "net_")
    assert repr(cae) == before
    assert len(features.estimator_.callbacks) == 1


def test_of_pairs_the_clean_images_are_learned_with_their_noise():
    noisy = NoiseInjector("masking", random_state=0).fit_transform(gray())
    features = LayerFeatures(small_cae()).fit(noisy)
    assert repr(features.estimator_.noise_) == "MaskingNoise()"


def test_features_have_names(cae):
    names = frozen(cae, "encoder.stages.0").fit(gray()).get_feature_names_out()
    assert list(names) == [f"layerfeatures{i}" for i in range(4)]


@pytest.mark.parametrize(
    ("images", "params"),
    [
        (as_uint(colour(), np.uint8), {}),
        (colour().transpose(0, 3, 1, 2), {"channel_axis": 1}),
        (gray().reshape(24, 64).astype(np.float64) * 4 - 2, {}),
    ],
    ids=["uint8", "channels first", "rows"],
)
def test_images_of_all_layouts_have_features(images, params):
    features = LayerFeatures(small_cae(**params), "encoder.stages.1").fit_transform(images)
    assert (features.shape, features.dtype) == ((24, 8), np.float32)


def test_pooled_features_are_there_for_images_of_another_size(cae):
    features = frozen(cae, "encoder.stages.1").fit(gray())
    assert features.transform(gray(height=20, width=12)).shape == (24, 8)


def test_without_pooling_another_size_is_refused(cae):
    features = frozen(cae, pooling=None).fit(gray())
    with pytest.raises(ValueError, match="20 x 12 pixels, but those in fit had 8 x 8"):
        features.transform(gray(height=20, width=12))


def test_features_do_not_depend_on_the_other_images(cae):
    X = gray()
    features = frozen(cae).fit(X)
    # 20 and 24 images share a size of batch.
    some = np.r_[7, 2, 11, 4:21]
    np.testing.assert_array_equal(features.transform(X[some]), features.transform(X)[some])


def test_memory_is_that_of_a_batch(cae):
    X = gray(512)
    features = frozen(cae, "encoder.stages.0").fit(X)

    def peak(images):
        tracemalloc.start()
        features.transform(images)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    # The maps of 448 more images would be 448 x 64 x 4 float32 values.
    assert peak(X) - peak(X[:64]) < 0.5 * 448 * 64 * 4 * 4


# In a pipeline and a search


def test_a_classifier_learns_from_them(cae):
    pipe = make_pipeline(frozen(cae, "encoder.stages.1"), LogisticRegression())
    assert pipe.fit(gray(), LABELS).predict(gray()).shape == (24,)


@pytest.mark.parametrize(
    "make", [small_cae, lambda: FrozenEstimator(small_cae().fit(gray()))], ids=["new", "frozen"]
)
def test_a_search_finds_the_layer(make):
    pipe = make_pipeline(LayerFeatures(make()), LogisticRegression())
    layers = ["encoder.stages.0", "encoder.code"]
    search = GridSearchCV(pipe, {"layerfeatures__layer": layers}, cv=2).fit(gray(), LABELS)
    assert search.best_params_["layerfeatures__layer"] in layers


def test_a_frozen_network_is_that_of_the_user_in_a_clone_too(cae):
    pipe = clone(make_pipeline(frozen(cae), LogisticRegression())).fit(gray(), LABELS)
    assert pipe[0].estimator_.estimator is cae


def test_of_a_frozen_search_the_best_network_is_taken():
    search = GridSearchCV(small_cae(), {"network": [small_autoencoder(), small_unet()]}, cv=2)
    search.fit(gray())
    expected = frozen(search.best_estimator_).fit_transform(gray())
    np.testing.assert_array_equal(frozen(search).fit_transform(gray()), expected)


def test_a_pickle_gives_the_same_features():
    features = LayerFeatures(small_cae()).fit(gray())
    loaded = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(loaded.transform(gray()), features.transform(gray()))


# What is refused


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("encoder.cod", r"layer='encoder.cod'; expected one of .*encoder.code"),
        ("encoder", "'encoder' gives no feature maps"),
    ],
)
def test_a_layer_that_is_not_there_is_told_before_the_training(layer, message):
    with pytest.raises(ValueError, match=message):
        LayerFeatures(small_cae(callbacks=[NoStep()]), layer).fit(gray())


def test_a_layer_that_a_frozen_network_does_not_have_is_told(cae):
    with pytest.raises(ValueError, match="expected one of"):
        frozen(cae, "encoder.stages.9").fit(gray())


def test_images_in_other_units_are_refused():
    cae = small_cae().fit(as_uint(gray(), np.uint8))
    with pytest.raises(ValueError, match="images of fit are uint8"):
        frozen(cae).fit(gray())


def test_what_is_no_autoencoder_is_refused():
    estimator = FrozenEstimator(LogisticRegression())
    with pytest.raises(ValueError, match=r"expected a DenoisingCAE, or a fitted one within Frozen"):
        LayerFeatures(estimator).fit(gray())
