"""What the displays ask of fitted estimators."""

from sklearn.utils.validation import check_is_fitted

from ..metrics import denoiser_of


def check_methods(estimator, *methods, expected):
    """Refuse what lacks methods of the expected class."""
    missing = [method for method in methods if not hasattr(estimator, method)]
    if missing:
        raise ValueError(
            f"{estimator!r} has no {' and no '.join(missing)}; expected a fitted {expected}."
        )


def spec_of(estimator, *methods, expected):
    """The ``image_spec_`` of a fitted estimator that has some methods."""
    check_methods(estimator, *methods, expected=expected)
    check_is_fitted(estimator)
    check_methods(estimator, "image_spec_", expected=expected)
    return estimator.image_spec_


def first_noise(estimators):
    """The noise of the first estimator that was trained with one, ``None`` if none was."""
    noises = (getattr(denoiser_of(estimator), "noise_", None) for estimator in estimators)
    return next((noise for noise in noises if noise is not None), None)


def one_data_range(ranges):
    """The data range that all estimators share, of a dict of theirs by name."""
    if len(set(ranges.values())) > 1:
        raise ValueError(
            f"The estimators have different data ranges, {ranges}, so their noise differs. Fit "
            "them all with one data_range=(low, high)."
        )
    return next(iter(ranges.values()))
