"""The denoising convolutional autoencoder as a scikit-learn estimator."""

import math
from collections.abc import Sequence
from functools import partial
from inspect import signature
from numbers import Integral, Real
from os import PathLike
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted
from skorch.callbacks import Callback

from ._html import NetworkHTMLMixin
from ._images import (
    check_images,
    check_targets,
    check_units,
    check_within_range,
    from_channels_last,
    from_unit,
    learn_spec,
    to_channels_last,
    to_unit,
    view_of_size,
    warn_user,
)
from ._networks import ConvAutoencoder
from ._random import resolve_seed
from ._state import all_or_nothing, load_state, load_weights, read_state, read_weights
from ._training import (
    LOSSES,
    LR_SCHEDULES,
    OPTIMIZERS,
    DenoisingNet,
    EpochProgress,
    ImagePairs,
    count_batches,
    early_stopping_callbacks,
    initialize_with_seed,
    lr_callbacks,
    resolve_device,
    train,
)
from ._vgg16 import VGG16_BLOCKS, check_vgg16_images, vgg16_shapes
from ._vgg16_weights import read_vgg16_weights
from .metrics import psnr_scorer
from .noise import NoiseModel, resolve_noise
from .noise._pairs import check_same_shape, split_targets

# Predictions run in batches of one fixed size, so that no image's result depends on the others.
PREDICT_PIXELS = 2**16
PREDICT_BATCH = 64


class DenoisingCAE(
    NetworkHTMLMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Denoising convolutional autoencoder.

    It compresses an image :math:`x` into a code and gives back the clean image. In training it
    sees corrupted images :math:`\tilde x` and minimises

    .. math:: L\bigl(x,\, d(e(\tilde x))\bigr)

    over the convolutional encoder :math:`e` and decoder :math:`d`; the noise is drawn anew in each
    epoch. ``predict`` denoises, ``transform`` gives codes, ``inverse_transform`` decodes them,
    ``score_samples`` says how normal an image looks.

    Parameters
    ----------
    channels : tuple of int, default=(32, 64, 128)
        Feature maps of each stage of the encoder; each stage halves the image, and the decoder
        mirrors it.
    code_channels : int, default=128
        Feature maps of the code: images of 32 x 32 pixels have codes of 4 x 4 x 128.
    latent_dim : int, default=None
        Length of a flat code, made by a linear layer. The network then takes images of one size
        only. ``None`` keeps the spatial code.
    kernel_size : int, default=3
        Side of the convolution kernels in pixels, odd.
    downsampling : {"max_pool", "stride"}, default="max_pool"
        Halve by max pooling, or by convolutions of stride 2.
    upsampling : {"nearest", "transpose"}, default="nearest"
        Double by repeating pixels, or by a transposed convolution.
    normalization : {"batch"}, default="batch"
        Batch normalisation after each convolution but the last; ``None`` for none.
    skip_connections : bool, default=False
        Hand the encoder's feature maps over to the decoder, as U-Net does. Denoises much better;
        the code alone then no longer decodes.
    residual : bool, default=False
        Learn what to add to the noisy image, instead of the clean image. Together with
        ``skip_connections`` the choice of those who only denoise.
    encoder : {"conv", "vgg16"}, default="conv"
        "conv" is an encoder of ``channels``, ``code_channels`` and ``downsampling``, trained with
        the decoder. "vgg16" are the first blocks of VGG16 [3]_, trained before and frozen. It has
        64, 128, 256, 512 and 512 feature maps in its blocks, which the decoder mirrors, so that
        those three parameters stay at their defaults; ``kernel_size``, ``upsampling`` and
        ``normalization`` are the decoder's. It takes gray and RGB images of at least 32 x 32
        pixels, in any units.
    encoder_blocks : int, default=2
        Blocks of VGG16 to use, 1 to 5. Each halves the image: with 2, images of 32 x 32 pixels
        have codes of 8 x 8 x 128. Those of ``loss="vgg"`` too.
    trainable_encoder_blocks : int, default=0
        How many of the encoder's blocks, counted from the last, are not frozen. To fine-tune,
        raise it between two calls of ``fit`` with ``warm_start=True``, and lower ``lr``.
    encoder_weights : "imagenet", str, path-like or None, default="imagenet"
        Weights of VGG16 in the encoder and in ``loss="vgg"``. "imagenet" is torchvision's official
        file, looked for in the cache of :mod:`torch.hub` and downloaded there once (528 MB). A
        path is that of a state dict in torchvision's format, whole or of the ``features`` alone,
        from :func:`torch.save` or in safetensors (``*.safetensors``). ``None`` is random weights.
        No file is read after the first ``fit`` where ``partial_fit`` and ``warm_start`` go on, nor
        for unpickling.
    noise : NoiseModel, str, list of these, or None, default=None
        What corrupts the training images, as in :class:`NoiseInjector`. ``None`` is
        ``GaussianNoise(0.1)``, unless X brings its own noise; "none" makes a plain autoencoder.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of one image in rows (n, n_features). ``None`` reads a square number of features as
        a square gray image, and any other as a 1 x n_features strip with a warning.
    channel_axis : int, default=-1
        Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
    data_range : "auto" or tuple (low, high), default="auto"
        Values of black and white. "auto" is 0 to 255 for uint8, 0 to 65535 for uint16, 0 to 1 for
        floats within it, and the smallest and largest value seen in ``fit`` for other floats.
    loss : {"mse", "bce", "l1", "vgg"} or a class of torch loss, default="mse"
        Mean squared error, binary cross-entropy (needs ``residual=False``) or mean absolute error.
        "vgg" adds to the mean squared error that of VGG16's feature maps, as in [4]_, for sharper
        edges; what it takes and reads is as for ``encoder="vgg16"``.
    perceptual_weight : float, default=0.01
        Weight of the feature maps in ``loss="vgg"``. At each pixel they are scaled to length 1:
        their squared error is between 0 and 2, for any weights of VGG16.
    optimizer : {"adam", "adamw", "sgd"} or a class of torch optimizer, default="adam"
        The optimizer.
    lr : float, default=1e-2
        Learning rate; with "one_cycle" its peak.
    lr_schedule : {"one_cycle", "cosine", "constant"}, default="one_cycle"
        Course of the learning rate over the steps of ``fit``. ``partial_fit`` keeps it constant.
        For any other schedule take "constant" and a :class:`skorch.callbacks.LRScheduler`.
    batch_size : int, default=32
        Largest number of images in a training batch. No batch holds a single image, which batch
        normalisation may refuse: 1 trains in pairs.
    max_epochs : int, default=10
        Number of passes over the training images.
    validation_fraction : float, default=0.1
        Share of the images held out to validate, rounded down to whole images; 0 for none.
    early_stopping : bool, default=False
        Stop when the validation loss stalls, and restore the best epoch.
    patience : int, default=5
        Epochs without improvement before early stopping stops.
    callbacks : list of skorch callbacks, default=None
        Passed on to skorch.
    device : str, default="auto"
        Device of torch; "auto" picks CUDA, else MPS, else CPU.
    warm_start : bool, default=False
        Continue from the fitted network in the next ``fit``.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the order of the images and the noise. With an int, the same
        machine trains the same model on CPU.
    verbose : int, default=0
        0 is silent, 1 shows a progress bar over epochs, and one of a download.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module, ``net_.history`` skorch's record.
    history_ : dict of ndarray of shape (n_epochs,)
        ``train_loss`` and ``duration`` in seconds of each epoch, and, with images to validate,
        ``valid_loss`` and ``valid_psnr`` in dB.
    noise_ : NoiseModel or None
        The noise of the training images; ``None`` after training on given pairs.
    image_shape_ : tuple of int
        Shape of one image, (H, W) or (H, W, C).
    data_range_ : tuple of float
        Values of black and white.
    n_features_in_ : int
        Number of values in one image.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X was a data frame.
    n_parameters_ : int
        Number of trained weights and biases.
    n_total_parameters_ : int
        Number of all weights and biases of the network: the trained and the frozen ones.
    layer_names_ : list of str
        Names of the stages of the network, for ``encode_layers``.

    See Also
    --------
    NoiseInjector : Makes noisy/clean pairs in a pipeline.
    sklearn_cae.metrics.DenoisingScorer : Scores by PSNR or SSIM.

    Notes
    -----
    ``fit`` and ``partial_fit`` accept: ``fit(X)`` with clean images, which are corrupted anew in
    each epoch; ``fit(X_noisy, X_clean)`` with pairs, used as they are; ``fit(X)`` with the
    ``NoisyImages`` of :class:`NoiseInjector`, whose noise is drawn anew in each epoch; and
    ``fit(X, labels)``, which ignores 1-d labels.

    The initialisation, normalisation, schedule and batch size of the defaults are the outcome of
    ``benchmarks/fast_to_good.py``.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol, "Extracting and composing robust
       features with denoising autoencoders", ICML 2008.
    .. [2] L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using
       large learning rates", 2019.
    .. [3] K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image
       recognition", ICLR 2015.
    .. [4] J. Johnson, A. Alahi, L. Fei-Fei, "Perceptual losses for real-time style transfer and
       super-resolution", ECCV 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import DenoisingCAE, GaussianNoise
    >>> X = load_digits().images / 16
    >>> cae = DenoisingCAE(channels=(16, 32), noise=GaussianNoise(0.2), random_state=0).fit(X)
    >>> cae.predict(X[:5]).shape, cae.transform(X[:5]).shape
    ((5, 8, 8), (5, 512))
    """

    _parameter_constraints = {
        "channels": [tuple, list],
        "code_channels": [Interval(Integral, 1, None, closed="left")],
        "latent_dim": [Interval(Integral, 1, None, closed="left"), None],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "downsampling": [StrOptions({"max_pool", "stride"})],
        "upsampling": [StrOptions({"nearest", "transpose"})],
        "normalization": [StrOptions({"batch"}), None],
        "skip_connections": ["boolean"],
        "residual": ["boolean"],
        "encoder": [StrOptions({"conv", "vgg16"})],
        "encoder_blocks": [Interval(Integral, 1, len(VGG16_BLOCKS), closed="both")],
        "trainable_encoder_blocks": [Interval(Integral, 0, len(VGG16_BLOCKS), closed="both")],
        "encoder_weights": [str, PathLike, None],
        "noise": [NoiseModel, str, list, tuple, None],
        "image_shape": [tuple, list, None],
        "channel_axis": [Options(Integral, {-1, 1, 3})],
        "data_range": [StrOptions({"auto"}), tuple, list],
        "loss": [StrOptions(set(LOSSES)), type],
        "perceptual_weight": [Interval(Real, 0, None, closed="left")],
        "optimizer": [StrOptions(set(OPTIMIZERS)), type],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "lr_schedule": [StrOptions(set(LR_SCHEDULES))],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "callbacks": [list, None],
        "device": [str],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 128),
        *,
        code_channels: int = 128,
        latent_dim: int | None = None,
        kernel_size: int = 3,
        downsampling: str = "max_pool",
        upsampling: str = "nearest",
        normalization: str | None = "batch",
        skip_connections: bool = False,
        residual: bool = False,
        encoder: str = "conv",
        encoder_blocks: int = 2,
        trainable_encoder_blocks: int = 0,
        encoder_weights: str | PathLike[str] | None = "imagenet",
        noise: NoiseModel | str | Sequence[NoiseModel | str] | None = None,
        image_shape: Sequence[int] | None = None,
        channel_axis: int = -1,
        data_range: str | Sequence[float] = "auto",
        loss: str | type[torch.nn.Module] = "mse",
        perceptual_weight: float = 0.01,
        optimizer: str | type[torch.optim.Optimizer] = "adam",
        lr: float = 1e-2,
        lr_schedule: str = "one_cycle",
        batch_size: int = 32,
        max_epochs: int = 10,
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        patience: int = 5,
        callbacks: list | None = None,
        device: str = "auto",
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.channels = channels
        self.code_channels = code_channels
        self.latent_dim = latent_dim
        self.kernel_size = kernel_size
        self.downsampling = downsampling
        self.upsampling = upsampling
        self.normalization = normalization
        self.skip_connections = skip_connections
        self.residual = residual
        self.encoder = encoder
        self.encoder_blocks = encoder_blocks
        self.trainable_encoder_blocks = trainable_encoder_blocks
        self.encoder_weights = encoder_weights
        self.noise = noise
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.data_range = data_range
        self.loss = loss
        self.perceptual_weight = perceptual_weight
        self.optimizer = optimizer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.patience = patience
        self.callbacks = callbacks
        self.device = device
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images, or noisy ones if ``y`` is given: uint8, uint16, float32 or float64.
        y : array-like of the shape of X, default=None
            Clean images. 1-d labels are ignored.

        Returns
        -------
        self : DenoisingCAE
            The fitted estimator.

        Raises
        ------
        ValueError
            If images, targets or parameters are not as described, the file of ``encoder_weights``
            is not one of VGG16, or the loss diverges. The estimator is then as it was before.
        OSError
            If the file of ``encoder_weights`` is missing and cannot be downloaded, or is not the
            official one. The estimator is then as it was before.
        """
        resume = self.warm_start and hasattr(self, "net_")
        return self._fit(X, y, resume=resume, one_pass=False)

    def partial_fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train for one pass over the given images, none of which is held out to validate.

        Weights and the optimizer's state carry on from the last call or from ``fit``; the learning
        rate is constant. The first call fixes the data range: for a stream of floats outside of
        0 to 1, give ``data_range``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images, or noisy ones if ``y`` is given.
        y : array-like of the shape of X, default=None
            Clean images. 1-d labels are ignored.

        Returns
        -------
        self : DenoisingCAE
            The fitted estimator.

        Raises
        ------
        ValueError
            If images, targets or parameters are not as described, the file of ``encoder_weights``
            is not one of VGG16, or the loss diverges. The estimator is then as it was before.
        OSError
            If the file of ``encoder_weights`` is missing and cannot be downloaded, or is not the
            official one. The estimator is then as it was before.
        """
        return self._fit(X, y, resume=hasattr(self, "net_"), one_pass=True)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Denoise images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Noisy images in the units of those in ``fit``. Without ``latent_dim`` they may have any
            height and width; for images larger than those in ``fit``, train on patches whose codes
            are 4 x 4 or more, because smaller ones see little but borders.

        Returns
        -------
        denoised : ndarray of the shape and dtype of X
            Denoised images, clipped to the data range.

        Raises
        ------
        ValueError
            If X does not have the channels or the units of the images in ``fit``, or is not
            finite.
        """
        checked, images = self._check_fitted_images(X)
        denoised = self._in_batches(self._denoise, images, np.empty(images.shape, images.dtype))
        return from_channels_last(denoised, checked.ndim, self._spec)

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the codes of images.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images of the size of those in ``fit``.

        Returns
        -------
        codes : ndarray of shape (n, n_features_out)
            float32 codes; a spatial code is flattened channel by channel.

        Raises
        ------
        ValueError
            If X does not have the shape or the units of the images in ``fit``, or is not finite.
        """
        _, images = self._check_fitted_images(X, one_size=True)
        codes = np.empty((len(images), self._n_features_out), np.float32)
        return self._in_batches(self._encode, images, codes)

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
            If the network has skip connections or a residual output: the code alone does not
            decode then. Or if the codes are not of the length of this network's.
        """
        check_is_fitted(self)
        self._check_decodable()
        codes = check_array(X, dtype=np.float32, input_name="codes")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"codes have length {codes.shape[1]}, but this network's have "
                f"{self._n_features_out}. Pass codes as transform gives them."
            )
        spec = self._spec
        shape = (len(codes), spec.height, spec.width, spec.n_channels)
        images = self._in_batches(self._decode, codes, np.empty(shape, spec.dtype))
        return from_channels_last(images, spec.ndim, spec)

    def encode_layers(self, X: ArrayLike, layer: str = "encoder.code") -> NDArray[np.float32]:
        """Compute the feature maps of a layer: edges, textures and shapes as the network sees them.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images as ``predict`` takes them.
        layer : str, default="encoder.code"
            One of ``layer_names_``, or the name of any layer in ``net_.module_.named_modules()``:
            "encoder.stages.0.0" is the first convolution, without normalisation and ReLU. Those of
            VGG16 have torchvision's names: "encoder.features.0" is its first convolution.

        Returns
        -------
        maps : ndarray of shape (n, h, w, n_maps), or (n, n_maps, h, w) with ``channel_axis=1``
            float32 feature maps; (n, n_values) of a layer with flat outputs.

        Raises
        ------
        ValueError
            If there is no such layer, or it gives no feature maps. Or as in ``predict``.
        """
        _, images = self._check_fitted_images(X)
        if layer not in dict(self.net_.module_.named_modules()):
            raise ValueError(
                f"layer={layer!r}; expected one of layer_names_, {self.layer_names_}, or another "
                "name in net_.module_.named_modules()."
            )
        maps = self._in_batches(partial(self._layer_output, layer), images)
        return np.moveaxis(maps, 1, self._spec.channel_axis) if maps.ndim == 4 else maps

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Mean PSNR of the denoised images in dB; an image counts with at most 100 dB.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Noisy images if ``y`` is given. Otherwise clean ones, which are corrupted with the
            noise of the training and a fixed seed.
        y : array-like of the shape of X, default=None
            Clean images. 1-d labels are ignored.

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
        self._check_fitted_images(X)
        return psnr_scorer(self, X, y)

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """How normal images look: minus the mean squared error of their reconstruction.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Images in the units of those in ``fit``.

        Returns
        -------
        scores : ndarray of shape (n,)
            float64 scores, at most 0, in squared units of the data range; higher is more normal.

        Raises
        ------
        ValueError
            As in ``predict``.
        """
        _, images = self._check_fitted_images(X)
        return self._in_batches(self._score, images, np.empty(len(images)))

    def _fit(self, X, y, *, resume, one_pass):
        self._validate_params()
        self._check_combinations()
        with all_or_nothing(self):
            pairs = self._read_pairs(X, y, resume=resume)
            if not resume:
                self._seed = resolve_seed(self.random_state)
            train_pairs, valid_pairs = self._split(pairs, one_pass)
            n_epochs = 1 if one_pass else self.max_epochs
            net = self._make_net(
                self._architecture(),
                device=resolve_device(self.device),
                n_epochs=n_epochs,
                callbacks=self._callbacks(one_pass, n_epochs, len(train_pairs)),
            )
            if resume:
                load_state(net, self._compatible_state(net))
            self._load_vgg16(net, resume=resume)
            train(net, train_pairs, valid_pairs)
            self.net_ = net
            self.history_ = epoch_curves(net.history)
            parameters = list(net.module_.parameters())
            self.n_parameters_ = sum(p.numel() for p in parameters if p.requires_grad)
            self.n_total_parameters_ = sum(p.numel() for p in parameters)
        return self

    def _check_combinations(self):
        if not self.channels or not all(_is_positive_int(n) for n in self.channels):
            raise ValueError(f"channels={self.channels!r}; expected one or more positive integers.")
        if self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size={self.kernel_size}; expected an odd number.")
        if self.loss == "bce" and self.residual:
            raise ValueError(
                "loss='bce' needs outputs between 0 and 1, but residual=True adds to the input. "
                "Use residual=False, or loss='mse'."
            )
        for name, base in (("loss", torch.nn.Module), ("optimizer", torch.optim.Optimizer)):
            value = getattr(self, name)
            if isinstance(value, type) and not issubclass(value, base):
                raise ValueError(f"{name}={value!r}; a class must be derived from {base!r}.")
        for callback in self.callbacks or []:
            if not _is_callback(callback):
                raise ValueError(
                    f"callbacks holds {callback!r}; expected skorch callbacks such as "
                    "skorch.callbacks.Checkpoint(), or pairs (name, callback)."
                )
        self._check_vgg16_parameters()
        resolve_noise(self.noise)
        resolve_device(self.device)

    def _check_vgg16_parameters(self):
        if self.trainable_encoder_blocks > self.encoder_blocks:
            raise ValueError(
                f"trainable_encoder_blocks={self.trainable_encoder_blocks}, but the encoder has "
                f"encoder_blocks={self.encoder_blocks}. Take no more than these."
            )
        defaults = signature(DenoisingCAE).parameters
        for name in self._without_effect():
            value, default = getattr(self, name), defaults[name].default
            if (tuple(value) if isinstance(value, list) else value) != default:
                raise ValueError(
                    f"{name}={value!r} has no effect with encoder={self.encoder!r} and "
                    f"loss={self.loss!r}. Leave it at its default, {default!r}, or change these."
                )

    def _without_effect(self):
        """Names of parameters that the choice of the encoder and of the loss makes meaningless."""
        names = []
        if self.encoder == "vgg16":
            names += ["channels", "code_channels", "downsampling"]
        else:
            names += ["trainable_encoder_blocks"]
        if self.loss != "vgg":
            names += ["perceptual_weight"]
        if not self._uses_vgg16():
            names += ["encoder_blocks", "encoder_weights"]
        return names

    def _uses_vgg16(self):
        return self.encoder == "vgg16" or self.loss == "vgg"

    def _read_pairs(self, X, y, *, resume):
        """Validate images and targets, and learn their layout and units if nothing is resumed."""
        images, target = check_images(self, X, reset=not resume), check_targets(y)
        noisy, clean, brought = split_targets(X, target)
        if noisy is None:
            clean, self.noise_ = images, resolve_noise(self.noise)
        else:
            noisy, clean, self.noise_ = images, np.asarray(clean), brought
            self._check_noise_of_pairs()
            check_same_shape(noisy, clean)
        if not resume:
            self._learn_spec(clean)
        name = "X" if target is None else "y"
        check_within_range(clean, self.data_range_, name=name)
        check_units(clean, self._spec, name=name)
        if noisy is not None:
            check_units(noisy, self._spec)
        draws_noise = self.noise_ is not None
        flat_code = self.latent_dim is not None
        view = self._view(clean, one_size=flat_code)
        if self._uses_vgg16():
            check_vgg16_images(view.shape)
        return ImagePairs(
            view,
            None if draws_noise else self._view(noisy, one_size=flat_code),
            self.data_range_,
        )

    def _check_noise_of_pairs(self):
        if self.noise is not None:
            raise ValueError(
                f"X comes with noise of its own, so noise={self.noise!r} would be ignored. Leave "
                "noise=None, or fit on clean images."
            )

    def _learn_spec(self, images):
        self._spec = learn_spec(
            images,
            image_shape=self.image_shape,
            channel_axis=self.channel_axis,
            data_range=self.data_range,
        )
        self.image_shape_ = self._spec.image_shape
        self.data_range_ = self._spec.data_range

    def _view(self, X, *, one_size):
        """View images as (n, H, W, C); a flat code needs them in the size of ``fit``."""
        return view_of_size(X, self._spec) if one_size else to_channels_last(X, self._spec)

    def _split(self, pairs, one_pass):
        """Images to train on and images to validate with, None if there are none."""
        fraction = 0 if one_pass else self.validation_fraction
        train_pairs, valid_pairs = pairs.split(fraction, self._seed)
        if self.early_stopping and not one_pass and valid_pairs is None:
            raise ValueError(
                f"early_stopping=True needs images to validate, but validation_fraction="
                f"{fraction} of {len(pairs)} image(s) is none. Give more images or a larger "
                "fraction."
            )
        return train_pairs, valid_pairs

    def _architecture(self):
        spec, vgg16 = self._spec, self.encoder == "vgg16"
        return {
            "image_size": (spec.height, spec.width),
            "n_channels": spec.n_channels,
            "channels": tuple(self.channels),
            "code_channels": self.code_channels,
            "latent_dim": self.latent_dim,
            "kernel_size": self.kernel_size,
            "downsampling": self.downsampling,
            "upsampling": self.upsampling,
            "normalization": self.normalization,
            "skip_connections": self.skip_connections,
            "residual": self.residual,
            "encoder": self.encoder,
            "encoder_blocks": self.encoder_blocks if vgg16 else None,
            "trainable_encoder_blocks": self.trainable_encoder_blocks if vgg16 else None,
        }

    def _make_net(self, architecture, *, device, n_epochs=1, callbacks=()):
        """Make a net of today's parameters and of an architecture, with initial weights."""
        net = DenoisingNet(
            ConvAutoencoder,
            criterion=_by_name(LOSSES, self.loss),
            optimizer=_by_name(OPTIMIZERS, self.optimizer),
            lr=self.lr,
            batch_size=self.batch_size,
            max_epochs=n_epochs,
            noise=self.noise_,
            seed=self._seed,
            callbacks=list(callbacks),
            device=device,
            verbose=self.verbose,
            **{f"module__{name}": value for name, value in architecture.items()},
            **self._criterion_parameters(),
        )
        return initialize_with_seed(net, self._seed)

    def _criterion_parameters(self):
        if self.loss != "vgg":
            return {}
        return {
            "criterion__n_blocks": self.encoder_blocks,
            "criterion__weight": self.perceptual_weight,
        }

    def _load_vgg16(self, net, *, resume):
        """Give VGG16 in encoder and loss their weights: those of before, or of the file."""
        parts = [] if resume or self.encoder != "vgg16" else [net.module_.encoder]
        if self.loss == "vgg" and not (resume and self._restore_loss(net)):
            parts.append(net.criterion_.vgg)
        if parts and self.encoder_weights is not None:
            weights = read_vgg16_weights(
                self.encoder_weights, self.encoder_blocks, progress=self.verbose > 0
            )
            for vgg in parts:
                vgg.load_state_dict(weights)
        self._loss_weights = read_weights(net.criterion_.vgg) if self.loss == "vgg" else {}

    def _restore_loss(self, net):
        """Give the loss its weights of the last training; whether there are any that fit."""
        there = (
            self.loss == "vgg"
            and self._loss_weights.keys() == vgg16_shapes(self.encoder_blocks).keys()
        )
        if there:
            load_weights(net.criterion_.vgg, self._loss_weights)
        return there

    def _callbacks(self, one_pass, n_epochs, n_images):
        callbacks = list(self.callbacks or [])
        if self.verbose:
            callbacks.append(("progress", EpochProgress()))
        if not one_pass:
            callbacks += lr_callbacks(
                self.lr_schedule,
                _by_name(OPTIMIZERS, self.optimizer),
                max_lr=self.lr,
                n_steps=n_epochs * count_batches(n_images, self.batch_size),
            )
            if self.early_stopping:
                callbacks += early_stopping_callbacks(self.patience, self.verbose)
        return callbacks

    def _compatible_state(self, net):
        """State of the fitted net for one made from today's parameters."""
        state, architecture = read_state(self.net_), net.get_params_for("module")
        changed = {
            name: f"{name} from {value!r} to {architecture[name]!r}"
            for name, value in state["architecture"].items()
            if value != architecture[name]
        }
        # Blocks may thaw; the optimizer then starts afresh, as it has other weights to follow.
        if changed.pop("trainable_encoder_blocks", None):
            state["optimizer_state"] = {}
        if changed:
            raise ValueError(
                "Training cannot go on, because the network has changed since: "
                f"{', '.join(changed.values())}. Set it back, or make a new estimator "
                "(sklearn.base.clone)."
            )
        return state

    def _check_fitted_images(self, X, *, one_size=False):
        """Validate images for a fitted network: the checked X, and its view (n, H, W, C)."""
        check_is_fitted(self)
        checked = check_images(self, X, reset=False)
        check_units(checked, self._spec)
        architecture = self.net_.get_params_for("module")
        flat_code = architecture["latent_dim"] is not None
        view = self._view(checked, one_size=one_size or flat_code)
        if architecture["encoder"] == "vgg16":
            check_vgg16_images(view.shape)
        return checked, view

    def _in_batches(self, function, arrays, out=None):
        """Fill ``out`` with a function of batches of one fixed size, of which the last is padded.

        So no result depends on the images beside it. ``None`` is an array like the first results.
        """
        images = arrays if arrays.ndim == 4 else out
        size = max(1, min(PREDICT_BATCH, PREDICT_PIXELS // math.prod(images.shape[1:3])))
        self.net_.module_.eval()
        for start in range(0, len(arrays), size):
            rows = slice(start, min(start + size, len(arrays)))
            batch = np.resize(arrays[rows], (size, *arrays.shape[1:]))
            with torch.inference_mode():
                results = function(batch)[: rows.stop - start]
            if out is None:
                out = np.empty((len(arrays), *results.shape[1:]), results.dtype)
            out[rows] = results
        return out

    def _denoise(self, images):
        output = self.net_.module_(self._to_unit(images)).clamp(0, 1)
        return from_unit(output, self.data_range_, images.dtype)

    def _encode(self, images):
        return self.net_.module_.encode(self._to_unit(images)).flatten(1).cpu().numpy()

    def _layer_output(self, layer, images):
        return self.net_.module_.layer_output(self._to_unit(images), layer).cpu().numpy()

    def _decode(self, codes):
        module, spec = self.net_.module_, self._spec
        batch = torch.from_numpy(codes).to(self.net_.device).reshape(-1, *module.code_shape)
        output = module.decode(batch, (spec.height, spec.width))
        return from_unit(output, spec.data_range, np.dtype(spec.dtype))

    def _score(self, images):
        batch = self._to_unit(images)
        output = self.net_.module_(batch).clamp(0, 1)
        error = output.cpu().double() - batch.cpu().double()
        return -error.square().mean(dim=(1, 2, 3)).numpy()

    def _to_unit(self, images):
        return to_unit(images, self.data_range_, self.net_.device)

    def _check_decodable(self):
        for option in ("skip_connections", "residual"):
            if self.net_.get_params_for("module")[option]:
                raise ValueError(
                    f"inverse_transform needs a network whose code holds all of the image, but "
                    f"{option}=True hands the noisy image past the code. Fit with {option}=False."
                )

    @property
    def layer_names_(self):
        return self.net_.module_.layer_names

    @property
    def _n_features_out(self):
        return math.prod(self.net_.module_.code_shape)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __getstate__(self):
        state = super().__getstate__()
        if "net_" in state:
            state = {**state, "net_": read_state(state["net_"])}
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "net_" in state:
            fitted = state["net_"]
            net = self._make_net(fitted["architecture"], device=self._device_or_cpu())
            self.net_ = load_state(net, fitted)
            self._restore_loss(self.net_)

    def _device_or_cpu(self):
        try:
            return resolve_device(self.device)
        except ValueError as error:
            warn_user(f"{error} Until then the unpickled network is on the CPU.")
            return "cpu"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _by_name(table, value):
    return table[value] if isinstance(value, str) else value


def _is_positive_int(value):
    return isinstance(value, (int, np.integer)) and value >= 1


def _is_callback(item):
    """Whether skorch takes it: a callback or its class, alone or with a name."""
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
        item = item[1]
    return isinstance(item, Callback) or (isinstance(item, type) and issubclass(item, Callback))


def epoch_curves(history):
    """Columns of a skorch history by the names of ``history_``."""
    names = {
        "train_loss": "train_loss",
        "valid_loss": "valid_loss",
        "valid_psnr": "valid_psnr",
        "dur": "duration",
    }
    # Epochs of partial_fit and of fit with images to validate differ in their columns.
    return {
        name: np.array([epoch.get(key, np.nan) for epoch in history])
        for key, name in names.items()
        if any(key in epoch for epoch in history)
    }
