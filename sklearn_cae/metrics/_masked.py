"""A score of denoisers that needs no clean images."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..images import (
    N_GRIDS,
    check_units,
    from_channels_last,
    from_unit,
    hide,
    is_image_list,
    read_images,
    to_array,
    to_channels_last,
    to_unit,
)
from ._evaluation import batches_of_one_shape, denoiser_of, like_container, spec_of


def masked_scorer(estimator: Any, X: ArrayLike, y: ArrayLike | None = None) -> float:
    """PSNR in dB of what a denoiser finds for hidden pixels, compared with the noisy X.

    Use it in a search if you have no clean images [1]_. One pixel of each 4 x 4 is replaced by the
    mean of its neighbours, and the denoiser's result for it is compared with the noisy pixel. This
    is done for each of the sixteen grids. If the noise of a pixel is independent of that of all
    others and has mean zero, this squared error is the one against the clean pixels plus the
    variance of the noise. The one that finds hidden pixels best then has the highest score. Compare
    candidates of one kind by it: what a denoiser makes of the pixel itself, as a network of
    ``target="recorrupted"`` does, is not seen. The score itself does not measure quality: it is
    never above the PSNR of the noisy images.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        A fitted denoiser.
    X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
        Noisy images, or a list of them of any sizes.
    y : None
        Ignored.

    Returns
    -------
    score : float
        PSNR in dB, of the mean squared error over all images.

    References
    ----------
    .. [1] J. Batson, L. Royer, "Noise2Self: blind denoising by self-supervision", ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import ClassicalDenoiser, NoiseInjector
    >>> from sklearn_cae.metrics import masked_scorer
    >>> X = load_digits().images / 16
    >>> noisy = NoiseInjector(random_state=0).fit_transform(X)
    >>> median = ClassicalDenoiser("median").fit(noisy)
    >>> bool(masked_scorer(median, np.asarray(noisy)) < 21)
    True
    """
    denoiser = denoiser_of(estimator)
    if not is_image_list(X):
        return _decibel([_squared_errors(estimator, denoiser, X)])
    batches = batches_of_one_shape(X, None)
    return _decibel([_squared_errors(estimator, denoiser, batch) for batch, _ in batches])


def _squared_errors(estimator, denoiser, X):
    """Squared errors of all pixels of a batch in units of the data range."""
    source = read_images(X)
    spec = spec_of(denoiser, source)
    check_units(source, spec)
    noisy = to_unit(to_channels_last(source, spec), spec.data_range)
    if denoiser is estimator and getattr(denoiser, "target_", None) == "masked":
        # Its results are made without the pixel already.
        return np.square(_found(estimator, X, spec) - noisy.numpy())
    errors = np.empty(tuple(noisy.shape))
    for grid in range(N_GRIDS):
        hidden, mask = hide(noisy, grid)
        given = from_channels_last(from_unit(hidden, spec, source.dtype), source.ndim, spec)
        found = _found(estimator, like_container(X, given), spec)
        mask = mask.numpy()
        errors[..., mask] = np.square(found - noisy.numpy())[..., mask]
    return errors


def _found(estimator, X, spec):
    """What a denoiser makes of images, (n, C, H, W) in units of the data range."""
    denoised = read_images(estimator.predict(X), name="What the denoiser gave")
    return to_array(to_channels_last(denoised, spec), spec.data_range).transpose(0, 3, 1, 2)


def _decibel(errors):
    mse = sum(part.sum() for part in errors) / sum(part.size for part in errors)
    return float(-10 * np.log10(mse)) if mse else np.inf
