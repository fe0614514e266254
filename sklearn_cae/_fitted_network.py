"""What a fitted network gives: images, codes, maps and scores."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from ._inference import Runner
from ._tiles import aligned
from .images import (
    BlockWriter,
    LazyImages,
    check_columns,
    check_images,
    check_median,
    check_out,
    check_units,
    from_channels_last,
    is_image_list,
    read_sequence,
    sequence_of_size,
    sequence_to_channels_last,
    shapes_of,
    to_channels_last,
    view_of_size,
)
from .metrics import psnr_scorer
from .training import epoch_curves


class FittedNetwork(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of :class:`~sklearn_cae.DenoisingCAE`: all that it does with what ``fit`` has learned.

    The fitted attributes that it reads are documented there.
    """

    net_: Any
    network_: Any
    image_spec_: Any
    limits_: Any
    noise_: Any
    target_: str
    verbose: int

    def predict(
        self, X: ArrayLike, *, self_ensemble: bool = False, out: Any = None
    ) -> NDArray[Any]:
        """Denoise images.

        Images of more than half a megapixel are denoised in tiles that overlap by as much as the
        network sees around a pixel, so that the result is that of the whole image and needs no more
        memory than a tile does. With ``verbose`` a bar shows how far it is: it counts batches,
        tiles, or the images of a list.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
            Noisy images in the units of those in ``fit``. Where the network has no flat code they
            may have any height and width, and different ones in a list; for images larger than
            those in ``fit``, train on patches whose codes are 4 x 4 or more, because smaller ones
            see little but borders.
        self_ensemble : bool, default=False
            Give the mean of the results for each image in eight positions, its flips and quarter
            turns [1]_. It takes eight times as long.
        out : array of the shape of X and the dtype of the result, default=None
            Where to write block by block: an ndarray, a memory map, a dataset of HDF5 or zarr, or
            anything else with shape, dtype and item assignment. ``None`` is a new ndarray.

        Returns
        -------
        denoised : ndarray of the shape and dtype of X, list of ndarray, or ``out``
            Denoised images, a list for a list, clipped to a data range that is fixed, else to the
            limits of the dtype. Integers of any width stay what they are; float16 becomes float64.

        Raises
        ------
        ValueError
            If X does not have the channels or the units of the images in ``fit``, or is not
            finite. If ``self_ensemble`` turns images of a network that takes one size only, and
            that is not square, or of one that was trained to turn or mirror them back. If ``out``
            has another shape or dtype, which is told before anything is computed, or a block of it
            cannot be written.

        Notes
        -----
        An array that is not in memory is read twice, block by block: once to check its values.

        How far a network sees is measured, also that of one of your own. One that cannot be applied
        to a tile takes the whole image at once, whatever its size: it has a global pooling, sees
        further than 416 pixels, depends on the place in the image, or pools over lengths that do
        not divide 64.

        References
        ----------
        .. [1] R. Timofte, R. Rothe, L. Van Gool, "Seven ways to improve example-based single image
           super resolution", CVPR 2016.
        """
        options = {"self_ensemble": self_ensemble, "progress": self.verbose > 0}
        if is_image_list(X):
            if out is not None:
                raise ValueError(
                    "out takes the results of an array, but X is a list of images, whose results "
                    "are a list. Leave out=None."
                )
            return self._predict_list(X, options)
        source, images = self._read_fitted(
            X, accept=None if out is None else lambda read: check_out(out, read.shape, read.dtype)
        )
        self._check_median(source)
        self._check_ensemble(self_ensemble)
        to_layout = partial(from_channels_last, ndim=source.ndim, spec=self.image_spec_)
        if out is None and not isinstance(images, LazyImages):
            return to_layout(self.runner_.denoise(images, **options))
        out = np.empty(source.shape, source.dtype) if out is None else out
        writer = BlockWriter(out, images.shape, images.dtype, to_layout)
        self.runner_.denoise(images, out=writer, **options)
        writer.flush()
        return out

    def _predict_list(self, X, options):
        source, images = self._read_list(X)
        self._check_median(source)
        self._check_ensemble(options["self_ensemble"])
        denoise = partial(self.runner_.denoise, self_ensemble=options["self_ensemble"])
        denoised = self.runner_.of_each(denoise, images, progress=options["progress"])
        one = partial(from_channels_last, ndim=source.ndim, spec=self.image_spec_)
        return [one(image[np.newaxis])[0] for image in denoised]

    def _check_median(self, source):
        """Refuse images whose results would be cut off; pairs may have any input."""
        if self.image_spec_.fixed and self.noise_ is not None:
            check_median(source, self.image_spec_.data_range)

    def _read_list(self, X):
        """Validate a list of images: their source, and a list of their views (H, W, C)."""
        check_is_fitted(self)
        source, spec = read_sequence(X), self.image_spec_
        check_units(source, spec)
        one_size = self.net_.module_.fixed_size
        images = (sequence_of_size if one_size else sequence_to_channels_last)(source, spec)
        for shape in shapes_of(images):
            self.network_.check_images(*shape)
        return source, images

    def transform(self, X: ArrayLike, *, out: Any = None) -> NDArray[Any]:
        """Compute the codes of images.

        A large image is encoded as a whole, and not in tiles as in ``predict``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of the size of those in ``fit``.
        out : float32 array of shape (n, n_features_out), default=None
            Where to write block by block, as in ``predict``. ``None`` is a new ndarray.

        Returns
        -------
        codes : ndarray of shape (n, n_features_out), or ``out``
            float32 codes; a spatial code is flattened channel by channel.

        Raises
        ------
        ValueError
            If X does not have the shape or the units of the images in ``fit``, or is not finite, or
            if ``out`` is not as described.
        """
        check_is_fitted(self)
        self._check_offers("encode", "transform needs a network with a code")
        if out is None:
            return self.runner_.encode(self._read_fitted(X, one_size=True)[1])
        length = self._n_features_out
        _, images = self._read_fitted(
            X,
            one_size=True,
            accept=lambda read: check_out(out, (read.shape[0], length), np.float32),
        )
        writer = BlockWriter(out, (len(images), length), np.float32)
        self.runner_.encode(images, writer)
        writer.flush()
        return out

    def inverse_transform(self, X: ArrayLike) -> NDArray[Any]:
        """Decode codes to images.

        Parameters
        ----------
        X : array-like of shape (n, n_features_out)
            Codes as ``transform`` gives them.

        Returns
        -------
        images : ndarray
            Images in the layout, dtype and units of the training images.

        Raises
        ------
        ValueError
            If the code alone does not make an image, as in a :class:`UNet`, or the codes are not of
            the length of this network's.
        """
        check_is_fitted(self)
        self._check_offers("decode", "inverse_transform needs a network whose code makes an image")
        # What is too large for float32 becomes infinite, and is refused as that.
        with np.errstate(over="ignore"):
            codes = check_array(X, dtype=np.float32, input_name="codes")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"codes have length {codes.shape[1]}, but this network's have "
                f"{self._n_features_out}. Pass codes as transform gives them."
            )
        images = self.runner_.decode(codes)
        return from_channels_last(images, self.image_spec_.ndim, self.image_spec_)

    def feature_maps(self, X: ArrayLike, layer: str = "encoder.code") -> NDArray[np.float32]:
        """Compute the feature maps of a layer: edges, textures and shapes as the network sees them.

        A large image is processed as a whole, and not in tiles as in ``predict``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
            Images as ``predict`` takes them.
        layer : str, default="encoder.code"
            One of ``layer_names_``, or the name of any layer in ``net_.module_.named_modules()``:
            "encoder.stages.0.0" is the first convolution, without normalisation and ReLU. Those of
            VGG16 have torchvision's names: "encoder.features.0" is its first convolution.

        Returns
        -------
        maps : ndarray of shape (n, h, w, n_maps), or (n, n_maps, h, w) with ``channel_axis=1``
            float32 feature maps; (n, n_values) of a layer with flat outputs. For a list, a list of
            those of each image.

        Raises
        ------
        ValueError
            If there is no such layer, or it gives no feature maps. Or as in ``predict``.
        """
        if is_image_list(X):
            _, images = self._read_list(X)
            return self.runner_.of_each(partial(self._maps, layer=layer), images)
        _, images = self._read_fitted(X)
        return self._maps(images, layer)

    def _maps(self, images, layer):
        maps = self.runner_.layer(images, layer)
        return np.moveaxis(maps, 1, self.image_spec_.channel_axis) if maps.ndim == 4 else maps

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Compute the mean PSNR of the denoised images in dB.

        Each image counts with at most 100 dB.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
            Noisy images if ``y`` is given; a list may hold images of any sizes. Otherwise
            clean ones, which are corrupted with the noise of the training and a fixed seed.
        y : array-like of the shape of X, default=None
            Clean images. Labels are ignored.

        Returns
        -------
        score : float
            Mean PSNR in dB.

        Raises
        ------
        ValueError
            As in ``predict``, if ``y`` is not of the shape of X, or if there is no noise to score
            with: the network was trained on pairs and ``y`` is missing.
        """
        check_is_fitted(self)
        check_columns(self, X)
        return psnr_scorer(self, X, y)

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """Tell how normal images look: minus the mean squared error of their reconstruction.

        Large images are denoised in tiles, as in ``predict``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
            Images in the units of those in ``fit``; a list may hold images of any sizes.

        Returns
        -------
        scores : ndarray of shape (n,)
            float64 scores, at most 0, in squared units of the data range; higher is more normal.

        Raises
        ------
        ValueError
            As in ``predict``.
        """
        if is_image_list(X):
            _, images = self._read_list(X)
            return np.array(self.runner_.of_each(self.runner_.score, images))
        _, images = self._read_fitted(X)
        return self.runner_.score(images)

    def _view(self, source, *, one_size=False):
        """View images as (n, H, W, C); a network with a flat code takes those of one size."""
        one_size = one_size or self.net_.module_.fixed_size
        view = view_of_size if one_size else to_channels_last
        return view(source, self.image_spec_)

    def _read_fitted(self, X, *, one_size=False, accept=None):
        """Validate images for the fitted network: their source, and their view (n, H, W, C)."""
        check_is_fitted(self)
        source = check_images(self, X, lazy=True, accept=accept)
        check_units(source, self.image_spec_)
        images = self._view(source, one_size=one_size)
        self.network_.check_images(*images.shape[1:])
        return source, images

    def _check_ensemble(self, self_ensemble):
        if self_ensemble and self.noise_ is not None and self.noise_.reorients:
            raise ValueError(
                "self_ensemble=True turns images and turns the results back, but this network, "
                f"trained with noise={self.noise_!r}, turns images itself. Leave it False."
            )

    def _check_offers(self, method, what):
        if not hasattr(self.net_.module_, method):
            raise ValueError(
                f"{what}, but that of {self.network_!r} has none. Fit an Autoencoder, as in "
                "DenoisingCAE(Autoencoder())."
            )

    @property
    def runner_(self):
        """The network on arrays (n, H, W, C), without gradients."""
        return Runner(
            self.net_.module_,
            self.image_spec_,
            self.net_.device,
            self.limits_,
            hidden=self.target_ == "masked",
            precision=self.precision_,
        )

    @property
    def image_shape_(self):
        """Shape of one image, (H, W) or (H, W, C)."""
        return self.image_spec_.image_shape

    @property
    def data_range_(self):
        """Values of black and white."""
        return self.image_spec_.data_range

    @property
    def history_(self):
        """Losses, PSNR and seconds of each epoch, arrays by name."""
        return epoch_curves(self.net_.history)

    @property
    def n_parameters_(self):
        """Number of trained weights and biases."""
        return sum(p.numel() for p in self.net_.module_.parameters() if p.requires_grad)

    @property
    def n_total_parameters_(self):
        """Number of all weights and biases, the frozen ones too."""
        return sum(p.numel() for p in self.net_.module_.parameters())

    @property
    def tile_margin_(self):
        """Pixels around a tile that its result depends on, None if there are no tiles."""
        margin = self.runner_.margin
        return None if margin is None else aligned(margin)

    @property
    def layer_names_(self):
        """Names of the stages of the network, for ``feature_maps``."""
        return self.net_.module_.layer_names

    @property
    def _n_features_out(self):
        return int(np.prod(self.net_.module_.code_shape))

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")
