"""What errors say of a parameter: its names, and how an object is written."""

import sys

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_cae import (
    CAEOutlierDetector,
    DenoisingCAE,
    DenoisingScorer,
    LatentSampler,
    LayerFeatures,
    Patches,
    UNet,
)

X = np.zeros((3, 8, 8))
WRONG = [
    (DenoisingCAE(UNet), r"'unet'}, a network such as UNet\(\) or None"),
    (DenoisingCAE(loss=1), r"a PerceptualLoss\(\) or a callable. Got 1"),
    (DenoisingCAE(patches=64), r"must be Patches such as Patches\(64\) or None. Got 64"),
    (DenoisingCAE(image_shape=8), r"must be a tuple such as \(28, 28\) or None. Got 8"),
    (DenoisingCAE(data_range=255), r"'auto'} or a tuple such as \(0, 1\). Got 255"),
    (CAEOutlierDetector("unet"), "must be a DenoisingCAE or a FrozenEstimator of a fitted one or"),
    (CAEOutlierDetector(outlier_score=1), r"or a score such as ReconstructionScore\(\). Got 1"),
    (LatentSampler("unet"), "must be a DenoisingCAE or a FrozenEstimator of a fitted one. Got"),
    (LayerFeatures("unet"), "must be a DenoisingCAE or a FrozenEstimator of a fitted one. Got"),
]


@pytest.mark.parametrize(("estimator", "message"), WRONG, ids=[str(one) for one, _ in WRONG])
def test_an_object_of_a_wrong_class_is_refused_with_how_a_right_one_is_written(estimator, message):
    with pytest.raises(InvalidParameterError, match=message):
        estimator.fit(X)


def test_a_scorer_says_how_a_noise_is_written():
    with pytest.raises(InvalidParameterError, match=r"a noise such as GaussianNoise\(0.1\)"):
        DenoisingScorer(noise=0.1)(DenoisingCAE(), X)


def classes_with_constraints():
    modules = [module for name, module in sys.modules.items() if name.startswith("sklearn_cae")]
    classes = {value for m in modules for value in vars(m).values() if isinstance(value, type)}
    return {cls for cls in classes if hasattr(cls, "_parameter_constraints")}


def test_no_error_names_a_file_of_the_library():
    classes = classes_with_constraints()
    assert {DenoisingCAE, UNet, Patches} <= classes
    bare = [
        (cls.__name__, name)
        for cls in classes
        for name, constraints in cls._parameter_constraints.items()
        for constraint in constraints
        if isinstance(constraint, type) and constraint.__module__.startswith("sklearn_cae.")
    ]
    assert bare == []
