"""Noisy images that bring their clean ones along, in memory and on disk."""

import numpy as np


class NoisyImages(np.ndarray):
    """An array of noisy images that brings the clean ones along.

    What :meth:`NoiseInjector.fit_transform` returns, so that
    ``Pipeline([("noise", NoiseInjector()), ("cae", DenoisingCAE())]).fit(X)`` learns from pairs.
    Selecting images along the first axis, ``copy`` and pickling keep the pairs together; every
    other operation gives an array without clean images.

    Parameters
    ----------
    noisy : array-like of shape (n, ...)
        Noisy images.
    clean : array-like of shape (n, ...)
        Clean images.
    noise : NoiseModel or None
        The noise model between the two.

    Attributes
    ----------
    clean : ndarray of shape (n, ...) or None
        Clean images; ``None`` where the pairs are lost.
    noise : NoiseModel or None
        The noise model between the two.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_cae.noise import NoiseInjector
    >>> noisy = NoiseInjector(random_state=0).fit_transform(np.zeros((5, 8, 8)))
    >>> noisy[1:3].clean.shape
    (2, 8, 8)
    >>> (2 * noisy).clean is None
    True
    """

    def __new__(cls, noisy, clean, noise=None):
        noisy, clean = np.asarray(noisy), np.asarray(clean)
        if noisy.shape != clean.shape:
            raise ValueError(
                f"noisy images have shape {noisy.shape} and clean images {clean.shape}; pairs "
                "have the same shape."
            )
        pairs = noisy.view(cls)
        pairs.clean, pairs.noise = clean, noise
        return pairs

    def __array_finalize__(self, parent):
        self.clean = self.noise = None

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        inputs = [_without_pairs(array) for array in inputs]
        if not out:
            return getattr(ufunc, method)(*inputs, **kwargs)
        for array in out:
            if isinstance(array, NoisyImages):
                array.clean = array.noise = None
        plain = tuple(_without_pairs(array) for array in out)
        getattr(ufunc, method)(*inputs, out=plain, **kwargs)
        return out[0] if len(out) == 1 else out

    def __getitem__(self, index):
        selected = super().__getitem__(index)
        along_first = index[0] if _is_first_axis(index) else index
        if self.clean is None or isinstance(along_first, tuple) or np.ndim(selected) != self.ndim:
            return selected
        if np.ndim(along_first) > 1 or along_first is None or along_first is Ellipsis:
            return selected
        return NoisyImages(selected, self.clean[along_first], self.noise)

    def __setitem__(self, index, value):
        super().__setitem__(index, value)
        self.clean = self.noise = None

    def copy(self, order="C"):
        """Copy the noisy and the clean images."""
        noisy = np.asarray(self).copy(order)
        return (
            noisy if self.clean is None else NoisyImages(noisy, self.clean.copy(order), self.noise)
        )

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        if self.clean is None:
            return np.asarray(self).__reduce__()
        return (NoisyImages, (np.asarray(self), self.clean, self.noise))


def _without_pairs(array):
    return array.view(np.ndarray) if isinstance(array, NoisyImages) else array


def _is_first_axis(index):
    """Whether an index is one for the first axis followed by an ellipsis, as scikit-learn's."""
    return isinstance(index, tuple) and len(index) == 2 and index[1] is Ellipsis


def save_pairs(path, noisy):
    """Write noisy and clean images side by side to one compressed ``.npz`` file.

    Parameters
    ----------
    path : str or path-like
        The file; numpy adds ``.npz`` to a name without it.
    noisy : NoisyImages
        Noisy images that still have their clean ones.

    Raises
    ------
    ValueError
        If ``noisy`` has no clean images.

    See Also
    --------
    load_pairs : Read them again.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn_cae.noise import NoiseInjector, load_pairs, save_pairs
    >>> noisy = NoiseInjector(random_state=0).fit_transform(np.zeros((5, 8, 8)))
    >>> path = os.path.join(tempfile.mkdtemp(), "pairs.npz")
    >>> save_pairs(path, noisy)
    >>> load_pairs(path).clean.shape
    (5, 8, 8)
    """
    if getattr(noisy, "clean", None) is None:
        raise ValueError(
            f"got {type(noisy).__name__} without clean images; expected NoisyImages as "
            "NoiseInjector().fit_transform(X) gives them, selected along the first axis only."
        )
    np.savez_compressed(path, noisy=np.asarray(noisy), clean=noisy.clean)


def load_pairs(path):
    """Read the pairs that :func:`save_pairs` wrote.

    Parameters
    ----------
    path : str or path-like
        An ``.npz`` file with the arrays ``noisy`` and ``clean``. Nothing is unpickled.

    Returns
    -------
    noisy : NoisyImages
        Noisy images with their ``clean`` ones. The noise model is not kept: a
        :class:`~sklearn_cae.DenoisingCAE` learns from these pairs as they are.

    Raises
    ------
    ValueError
        If the file lacks one of the arrays, or holds pickled objects.
    """
    with np.load(path, allow_pickle=False) as arrays:
        missing = {"noisy", "clean"} - set(arrays)
        if missing:
            raise ValueError(
                f"{path} has no array {sorted(missing)}; expected a file of save_pairs."
            )
        return NoisyImages(arrays["noisy"], arrays["clean"])


def split_targets(X, y):
    """Tell noisy from clean images by the rules for ``y`` that fit and score share.

    Parameters
    ----------
    X : array-like
        Clean images, noisy images if ``y`` holds the clean ones, or :class:`NoisyImages`.
    y : array-like or None
        Clean images; 1-d labels are ignored.

    Returns
    -------
    noisy : array-like or None
        Noisy images, ``None`` if X is clean.
    clean : array-like
        Clean images.
    noise : NoiseModel or None
        The noise model that X brings along.
    """
    if y is not None and np.ndim(y) != 1:
        return X, y, None
    if isinstance(X, NoisyImages) and X.clean is not None:
        return X, X.clean, X.noise
    return None, X, None


def check_same_shape(noisy, clean):
    """Refuse targets that are not one clean image for each noisy one."""
    if noisy.shape != clean.shape:
        raise ValueError(
            f"y has shape {clean.shape} and X {noisy.shape}. Allowed are fit(X) with clean images, "
            "fit(X_noisy, X_clean) with two arrays of one shape, NoisyImages from "
            "NoiseInjector().fit_transform(X), and 1-d labels, which are ignored."
        )
