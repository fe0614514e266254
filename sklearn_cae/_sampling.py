"""New images from a density over the codes of an autoencoder."""

import copy
from inspect import signature
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from ._constraints import instance_of
from ._denoising_cae import DenoisingCAE, copy_for_codes
from ._density import check_density, fit_density
from ._fitted import VersionedState, commit
from ._random import resolve_seed
from .files import Savable
from .images import check_images, check_units, learn_images, split_targets, view_of_size
from .metrics import denoiser_of
from .networks import resolve_network
from .training import processes_of

__all__ = ["LatentSampler"]

# The default mixture has one Gaussian for so many codes, but 10 at least, as Ghosh et al. take, and
# 100 at most. On held-out digits of MNIST more were better in the Fréchet distance at each number
# of codes; with fewer codes for each, fewer kinds of real digits were drawn.
CODES_OF_GAUSSIAN = 100
FEWEST_GAUSSIANS, MOST_GAUSSIANS = 10, 100


class LatentSampler(Savable, VersionedState, BaseEstimator):
    """Draw new images, from a density over the codes of an autoencoder.

    An autoencoder does not learn how its codes are distributed. With a mixture of Gaussians that is
    fitted to the codes afterwards, it becomes a generative model [1]_. Codes longer than
    ``n_components`` are first projected on their principal components, and drawn codes are
    projected back.

    Parameters
    ----------
    estimator : DenoisingCAE or FrozenEstimator
        The autoencoder, whose codes can be decoded; a :class:`UNet` cannot be used. A copy of it is
        fitted. To keep one that is already fitted, wrap it in
        :class:`sklearn.frozen.FrozenEstimator`. Of a frozen search or pipeline only the autoencoder
        is used.
    density : density estimator, default=None
        Anything with ``fit``, ``score_samples`` and ``sample``, such as
        :class:`~sklearn.mixture.GaussianMixture`,
        :class:`~sklearn.mixture.BayesianGaussianMixture` or
        :class:`~sklearn.neighbors.KernelDensity`. ``None`` is a mixture of one Gaussian for each
        100 images, but from 10 to 100 of them. It needs 10 images at least and many more to draw
        good ones.
    n_components : int, default=32
        Number of principal components of longer codes, or fewer if there are fewer images. With
        ``None`` the density is fitted to the codes themselves.
    random_state : int, RandomState instance or None, default=None
        Seed of the projection, and of the autoencoder and the density where they have none of
        their own.

    Attributes
    ----------
    estimator_ : DenoisingCAE or FrozenEstimator
        The fitted autoencoder.
    pca_ : sklearn.decomposition.PCA or None
        The projection of the codes; ``None`` if they are short enough.
    density_ : density estimator
        The fitted density.
    image_spec_ : ImageSpec
        Shape, layout, dtype and units of the images of the autoencoder.
    n_features_in_ : int
        Number of values in one image.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X was a data frame.

    See Also
    --------
    DenoisingCAE : The autoencoder.

    Notes
    -----
    If X is :class:`NoisyImages`, ``fit`` uses the clean images, and the autoencoder gets their
    noise if it has none of its own.

    References
    ----------
    .. [1] P. Ghosh, M. S. M. Sajjadi, A. Vergari, M. Black, B. Schölkopf, "From variational to
       deterministic autoencoders", ICLR 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, DenoisingCAE, LatentSampler
    >>> X = load_digits().images / 16
    >>> cae = DenoisingCAE(Autoencoder((16, 32), latent_dim=8))
    >>> sampler = LatentSampler(cae, random_state=0).fit(X)
    >>> sampler.sample(5, random_state=0).shape
    (5, 8, 8)
    >>> sampler.interpolate(X[:2], X[2:4], n_steps=6).shape
    (2, 6, 8, 8)
    """

    _parameter_constraints = {
        "estimator": [
            instance_of(
                "a DenoisingCAE or a FrozenEstimator of a fitted one", DenoisingCAE, FrozenEstimator
            )
        ],
        "density": "no_validation",  # an error of its own
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: DenoisingCAE | FrozenEstimator,
        density: Any = None,
        *,
        n_components: int | None = 32,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.density = density
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train the autoencoder and fit the density to the codes.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images: integers, float32 or float64. What is not in memory is read in blocks, as in
            :class:`DenoisingCAE`.
        y : Ignored
            Present for the interface of scikit-learn.

        Returns
        -------
        self : LatentSampler
            The fitted sampler.

        Raises
        ------
        ValueError
            If images or parameters are not as described, the autoencoder's codes do not decode, or
            the images are too few for the density. The sampler is then as it was before, as it is
            after any other error and after Ctrl-C.
        """
        with processes_of(self.estimator) as processes:
            learned = self._learn(X, processes)
        commit(self, learned)
        return self

    def _learn(self, X, processes):
        """Fitted attributes."""
        self._validate_params()
        self._check_density()
        seed = processes.seed(self.random_state)
        _, clean, _ = split_targets(X, None)
        estimator = self._unfitted_autoencoder(seed, X)
        source, columns = learn_images(clean, lazy=True)
        if len(source) < 2:
            raise ValueError(
                f"n_samples={len(source)}: a density needs the codes of two images at least. Give "
                "more images."
            )
        if not isinstance(estimator, FrozenEstimator):
            estimator.fit(source)
            _check_decodes(denoiser_of(estimator))
        codes = _encode(estimator, source)
        pca = self._fit_pca(codes, seed)
        density = self._fit_density(codes if pca is None else pca.transform(codes), seed)
        spec = denoiser_of(estimator).image_spec_
        fitted = {"estimator_": estimator, "pca_": pca, "density_": density, "image_spec_": spec}
        return columns | fitted

    def sample(
        self, n_samples: int = 1, random_state: int | np.random.RandomState | None = None
    ) -> NDArray[Any]:
        """Draw new images.

        Parameters
        ----------
        n_samples : int, default=1
            Number of images.
        random_state : int, RandomState instance or None, default=None
            Seed of the draw; ``None`` draws others each time.

        Returns
        -------
        images : ndarray of n_samples images
            Images in the layout, dtype and units of the training images.

        Raises
        ------
        ValueError
            If ``n_samples`` is not a positive integer.
        """
        _check_count("n_samples", n_samples, 1)
        check_is_fitted(self)
        seed = resolve_seed(random_state)
        drawn = _draw(self.density_, n_samples, seed)
        # A mixture gives its draws component by component.
        codes = np.random.default_rng(seed).permutation(drawn)
        codes = codes if self.pca_ is None else self.pca_.inverse_transform(codes)
        return denoiser_of(self.estimator_).inverse_transform(codes)

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the log-density of the codes of images, projected as those in ``fit``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of the size and in the units of those in ``fit``.

        Returns
        -------
        log_density : ndarray of shape (n,)
            What ``score_samples`` of the density gives: natural logarithms.

        Raises
        ------
        ValueError
            If X does not have the shape or the units of the images in ``fit``, or is not finite.
        """
        codes = self._codes(X)
        return self.density_.score_samples(
            codes if self.pca_ is None else self.pca_.transform(codes)
        )

    def interpolate(self, X1: ArrayLike, X2: ArrayLike, n_steps: int = 8) -> NDArray[Any]:
        """Walk from some images to others, on straight lines between their codes.

        Parameters
        ----------
        X1, X2 : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images to start from, and as many to end at.
        n_steps : int, default=8
            Number of images of a walk, the reconstructions of both ends included: 2 at least.

        Returns
        -------
        walks : ndarray of shape (n, n_steps, ...)
            Images in the layout, dtype and units of the training images.

        Raises
        ------
        ValueError
            If there are not as many images in X1 as in X2, if ``n_steps`` is not an integer from 2
            on, or as in ``score_samples``.
        """
        _check_count("n_steps", n_steps, 2)
        starts, ends = self._codes(X1), self._codes(X2)
        if len(starts) != len(ends):
            raise ValueError(
                f"X1 has {len(starts)} image(s) and X2 {len(ends)}; a walk leads from an image of "
                "X1 to the one at its place in X2. Give as many of both."
            )
        # (n_steps, 1), to mix codes (n, 1, n_features_out)
        part = np.linspace(0, 1, n_steps)[:, np.newaxis]
        codes = (1 - part) * starts[:, np.newaxis] + part * ends[:, np.newaxis]
        cae = denoiser_of(self.estimator_)
        images = cae.inverse_transform(codes.reshape(-1, codes.shape[2]))
        return images.reshape(len(starts), n_steps, *images.shape[1:])

    def _unfitted_autoencoder(self, seed, X):
        """A copy of the autoencoder to fit, or the frozen one, whose codes make images."""
        cae = denoiser_of(self.estimator)
        if not isinstance(cae, DenoisingCAE):
            raise ValueError(
                f"estimator={self.estimator!r}; expected a DenoisingCAE, or a fitted one within "
                "FrozenEstimator."
            )
        if isinstance(self.estimator, FrozenEstimator):
            check_is_fitted(cae)
            # The fitted network counts, whatever its parameters are by now.
            _check_decodes(cae)
            return self.estimator
        network = resolve_network(cae.network)
        # Of others it is known once they are built.
        if network.decodes is False:
            raise _undecodable(network)
        return copy_for_codes(self.estimator, X, seed)

    def _check_density(self):
        check_density(
            self.density,
            ("fit", "score_samples", "sample"),
            "such as GaussianMixture(5) or KernelDensity(). To project codes first, give "
            "n_components",
        )

    def _codes(self, X):
        check_is_fitted(self)
        return _encode(self.estimator_, check_images(self, X, lazy=True))

    def _fit_pca(self, codes, seed):
        if self.n_components is None or codes.shape[1] <= self.n_components:
            return None
        n_components = min(self.n_components, len(codes))
        # Equal codes have no variance to tell shares of.
        with np.errstate(invalid="ignore"):
            from sklearn.decomposition import PCA

            return PCA(n_components, random_state=seed).fit(codes)

    def _fit_density(self, codes, seed):
        density = _mixture_for(len(codes)) if self.density is None else clone(self.density)
        return fit_density(density, codes, seed)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _mixture_for(n_codes):
    # Imported here, because it takes long and a density may be given.
    from sklearn.mixture import GaussianMixture

    n_gaussians = n_codes // CODES_OF_GAUSSIAN
    return GaussianMixture(max(FEWEST_GAUSSIANS, min(n_gaussians, MOST_GAUSSIANS)))


def _check_count(name, value, smallest):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < smallest:
        raise ValueError(f"{name}={value!r}; expected an integer, {smallest} or more.")


def _check_decodes(cae):
    if not hasattr(cae.net_.module_, "decode"):
        raise _undecodable(cae.network_)


def _undecodable(network):
    return ValueError(
        f"The code of {network!r} alone does not make an image. Take an Autoencoder, as in "
        "DenoisingCAE(Autoencoder(latent_dim=16))."
    )


def _encode(estimator, source):
    """Codes in float64 of images that are validated and have the size and units of ``fit``.

    The network computes them in float32, as densities of codes are scores.
    """
    cae = denoiser_of(estimator)
    check_units(source, cae.image_spec_)
    runner = cae.runner_.in_float32()
    return runner.encode(view_of_size(source, cae.image_spec_)).astype(np.float64)


def _draw(density, n_samples, seed):
    """Draw codes from a density of scikit-learn: some take a seed to draw, some to construct."""
    if "random_state" in signature(density.sample).parameters:
        return density.sample(n_samples, random_state=seed)
    if "random_state" in density.get_params():
        density = copy.copy(density).set_params(random_state=seed)
    drawn = density.sample(n_samples)
    # Mixtures also tell the component of each draw.
    return drawn[0] if isinstance(drawn, tuple) else drawn
