"""The denoising convolutional autoencoder as a scikit-learn estimator."""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted
from skorch.callbacks import Callback

from ._fitted import VersionedState, commit
from ._html import NetworkHTMLMixin
from ._inference import Runner
from ._random import derived_seed, generator_on, resolve_seed, seeded
from ._warnings import warn_user
from .images import (
    check_columns,
    check_images,
    check_units,
    from_channels_last,
    is_image_list,
    read_sequence,
    sequence_of_size,
    sequence_to_channels_last,
    spec_of_range,
    to_channels_last,
    view_of_size,
)
from .learning import LOSSES, TARGETS, LossSpec, Patches, TrainingReader, resolve_loss
from .metrics import PSNR_CAP, psnr_scorer
from .networks import NETWORKS, NetworkSpec, resolve_network
from .noise import GaussianNoise, NoiseModel
from .persistence import load_pretrained, load_state, read_state, take_over
from .training import (
    LR_SCHEDULES,
    OPTIMIZERS,
    TrainingPlan,
    epoch_curves,
    make_net,
    resolve_device,
    resolve_optimizer,
    train,
)

# The first streams of a seed are those of the training.
WEIGHTS_STREAM = 4


class DenoisingCAE(
    NetworkHTMLMixin,
    VersionedState,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
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
    network : {"autoencoder", "res_unet", "unet"} or NetworkSpec, default=None
        The network. ``None`` is :class:`Autoencoder`, whose code holds all of an image; "unet" is
        :class:`UNet`, which hands details past the code: the choice of those who only denoise
        small images; "res_unet" is :class:`ResUNet`, the one for photographs.
        Give an object for other options, as ``Autoencoder((16, 32), latent_dim=8)``,
        ``Autoencoder(VGG16Encoder())``, or a network of your own in :class:`TorchNetwork`. A
        search reaches into an object: ``network__latent_dim``.
    noise : NoiseModel, str, list of these, or None, default=None
        What corrupts the training images, as in :class:`NoiseInjector`. ``None`` is
        ``GaussianNoise(0.1)``, unless X brings its own noise; "none" makes a plain autoencoder.
    target : {"clean", "neighbor", "masked"}, default="clean"
        What outputs are compared with. "clean" are clean images; the others learn from noisy images
        alone, ``fit(X_noisy)``, where there are no clean ones. "neighbor" compares what is made of
        one pixel of each 2 x 2 with a neighbour of it [3]_: for photographs, whose neighbours are
        alike. "masked" hides pixels that have to be found from those around them [4]_: for any
        images, but ``predict`` then takes sixteen passes. For both the noise of a pixel must be
        independent of that of its neighbours and have mean zero; a warning tells if it is not.
        There is no early stopping and no PSNR then, as no clean image is known.
    loss : {"mse", "l1", "bce", "charbonnier"}, PerceptualLoss or callable, default="mse"
        Mean squared error, mean absolute error, binary cross-entropy (for networks whose output
        lies between 0 and 1) or a smooth absolute error. :class:`PerceptualLoss` compares feature
        maps of VGG16 too. Or what makes a loss of torch without arguments: a class, or
        ``functools.partial(torch.nn.SmoothL1Loss, beta=0.1)``.
    patches : Patches or None, default=None
        Squares to cut out of the training images, for photographs; images may then be of different
        sizes, in a list. ``None`` trains on whole images if all have one size, else on
        ``Patches()``.
    optimizer : {"auto", "adam", "adamw", "muon", "sgd"} or callable, default="auto"
        The optimizer: a name, a class of torch, or
        ``functools.partial(torch.optim.SGD, momentum=0.9)``. "auto" is that of the network: Muon
        for :class:`ResUNet`, Adam for the others.
    lr : float or "auto", default="auto"
        Learning rate; with "one_cycle" its peak. "auto" is that of the network: 4e-3 for
        :class:`ResUNet`, 1e-2 for the others.
    lr_schedule : {"one_cycle", "cosine", "constant"}, default="one_cycle"
        Course of the learning rate over the steps of ``fit``. ``partial_fit`` keeps it constant.
        Training that goes on after the rate has come down, by ``warm_start`` or ``partial_fit``,
        starts at a tenth of ``lr``, so that it loses nothing. For any other schedule take
        "constant" and a :class:`skorch.callbacks.LRScheduler`.
    batch_size : int, default=32
        Largest number of images in a training batch. Few images make smaller batches, so that
        there are at least four of them, of eight images or more. No batch holds a single image,
        which batch normalisation may refuse: 1 trains in pairs.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training images. "auto" is 10, or as many as make 500 steps:
        that is what a training needs, however few the images are.
    validation_fraction : float, default=0.1
        Share of the images held out to validate, rounded down to whole images, but one at least of
        four or more; 0 for none.
    early_stopping : bool, default=False
        Stop when the validation loss stalls, and restore the best epoch.
    patience : int, default=5
        Epochs without improvement before early stopping stops.
    callbacks : list of skorch callbacks, default=None
        Passed on to skorch.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of one image in rows (n, n_features). ``None`` reads a square number of features as
        a square gray image, and any other as a 1 x n_features strip with a warning.
    channel_axis : int, default=-1
        Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
    data_range : "auto" or tuple (low, high), default="auto"
        Values of black and white. "auto" is 0 to 255 for uint8, 0 to 1 for floats within it, and
        for others, such as the counts of a sensor in uint16, a robust range of what is seen in
        ``fit``, which single hot pixels do not move. Results are clipped to a range that is fixed,
        and to the limits of their dtype where the range was learned.
    device : str, default="auto"
        Device of torch; "auto" picks CUDA, else MPS, else CPU.
    for_codes : bool, default=False
        Say that the network is trained for its codes. No warning then, when its images are worse
        than its noisy input.
    warm_start : bool, default=False
        Continue from the fitted network in the next ``fit``.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the order of the images and the noise. With an int, the same
        machine with the same number of torch's threads trains the same model on CPU.
    verbose : int, default=0
        0 is silent, 1 shows progress bars: over epochs, over the batches or tiles of ``predict``,
        and of a download.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module, ``net_.history`` skorch's record.
    network_, loss_, optimizer_ : NetworkSpec, LossSpec, and str or callable
        What was trained, by which loss and optimizer.
    history_ : dict of ndarray of shape (n_epochs,)
        ``train_loss`` and ``duration`` in seconds of each epoch, and, with images to validate,
        ``valid_loss``, ``valid_psnr`` and ``noisy_psnr`` in dB: denoised, and before.
    noise_ : NoiseModel or None
        The noise of the training images; ``None`` after training on given pairs.
    seed_ : int
        Seed of the training.
    target_ : str
        What outputs were compared with.
    limits_ : tuple of float or None
        Where the noisy training images lay, in units of the data range: 0 and 1 if the noise was
        clipped to it, ``None`` if it was not. ``predict`` clips noisy images likewise.
    image_spec_ : ImageSpec
        Shape, layout, dtype and units of the training images.
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
        Names of the stages of the network, for ``feature_maps``.
    runner_ : Runner
        The network on arrays (n, H, W, C), without gradients.

    Warns
    -----
    ConvergenceWarning
        If the trained network leaves the validation images (or, without any, the training images)
        worse than their noisy versions; both PSNR and the cure are told.

    See Also
    --------
    NoiseInjector : Makes noisy/clean pairs in a pipeline.
    sklearn_cae.metrics.DenoisingScorer : Scores by PSNR or SSIM.

    Notes
    -----
    ``fit`` and ``partial_fit`` accept: ``fit(X)`` with clean images, which are corrupted anew in
    each epoch; ``fit(X_noisy, X_clean)`` with pairs, used as they are; ``fit(X)`` with the
    ``NoisyImages`` of :class:`NoiseInjector`, whose noise is drawn anew in each epoch; and
    ``fit(X, labels)``, which ignores labels: 1-d ones, or a table of another width than X.

    The initialisation, normalisation, schedule and batch size of the defaults are the outcome of
    ``benchmarks/fast_to_good.py``.

    A result does not depend on the images beside it, but for rounding: at most 1e-6 of the data
    range where the number of images in a call differs.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol, "Extracting and composing robust
       features with denoising autoencoders", ICML 2008.
    .. [2] L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using
       large learning rates", 2019.
    .. [3] T. Huang, S. Li, X. Jia, H. Lu, J. Liu, "Neighbor2Neighbor: self-supervised denoising
       from single noisy images", CVPR 2021.
    .. [4] J. Batson, L. Royer, "Noise2Self: blind denoising by self-supervision", ICML 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise
    >>> X = load_digits().images / 16
    >>> cae = DenoisingCAE(Autoencoder((16, 32)), noise=GaussianNoise(0.2), random_state=0).fit(X)
    >>> cae.predict(X[:5]).shape, cae.transform(X[:5]).shape
    ((5, 8, 8), (5, 512))
    """

    _parameter_constraints = {
        "network": [StrOptions(set(NETWORKS)), NetworkSpec, None],
        "noise": "no_validation",  # an error of its own
        "target": [StrOptions(set(TARGETS))],
        "loss": [StrOptions(set(LOSSES)), LossSpec, callable],
        "patches": [Patches, None],
        "optimizer": [StrOptions({"auto", *OPTIMIZERS}), callable],
        "lr": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "lr_schedule": [StrOptions(set(LR_SCHEDULES))],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "callbacks": [list, None],
        "image_shape": [tuple, list, None],
        "channel_axis": [Options(Integral, {-1, 1, 3})],
        "data_range": [StrOptions({"auto"}), tuple, list],
        "device": [str],
        "for_codes": ["boolean"],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        network: NetworkSpec | str | None = None,
        *,
        noise: NoiseModel | str | Sequence[NoiseModel | str] | None = None,
        target: str = "clean",
        loss: LossSpec | str | Callable[[], Any] = "mse",
        patches: Patches | None = None,
        optimizer: str | Callable[..., Any] = "auto",
        lr: float | str = "auto",
        lr_schedule: str = "one_cycle",
        batch_size: int = 32,
        max_epochs: int | str = "auto",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        patience: int = 5,
        callbacks: list | None = None,
        image_shape: Sequence[int] | None = None,
        channel_axis: int = -1,
        data_range: str | Sequence[float] = "auto",
        device: str = "auto",
        for_codes: bool = False,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.network = network
        self.noise = noise
        self.target = target
        self.loss = loss
        self.patches = patches
        self.optimizer = optimizer
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.patience = patience
        self.callbacks = callbacks
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.data_range = data_range
        self.device = device
        self.for_codes = for_codes
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def from_pretrained(
        cls, name: str, *, data_range: tuple[float, float] = (0, 255), device: str = "auto"
    ) -> Self:
        """Give a fitted denoiser of photographs that comes with the package.

        It takes Gaussian noise of any level off, up to a standard deviation of 55 of 255, from
        images of any size. ``fit`` on images of your own goes on from its weights, and so does
        ``partial_fit``.

        Parameters
        ----------
        name : {"natural-gray", "natural-color"}
            For gray images (n, H, W), or for colour images (n, H, W, 3).
        data_range : tuple (low, high), default=(0, 255)
            Values of black and white in your images: (0, 1) for floats within it.
        device : str, default="auto"
            Device of torch; "auto" picks CUDA, else MPS, else CPU.

        Returns
        -------
        cae : DenoisingCAE
            The fitted estimator.

        Raises
        ------
        ValueError
            If the package has no denoiser of this name.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_cae import DenoisingCAE
        >>> noisy = np.random.default_rng(0).integers(0, 256, (2, 40, 60), dtype=np.uint8)
        >>> DenoisingCAE.from_pretrained("natural-gray").predict(noisy).shape
        (2, 40, 60)
        """
        trained = load_pretrained(name)
        cae = cls(
            trained.network,
            noise=GaussianNoise((0.0, trained.max_std)),
            patches=Patches(trained.size),
            data_range=data_range,
            device=device,
            warm_start=True,
        )
        cae._validate_params()
        spec = spec_of_range(trained.size, trained.n_channels, data_range)
        module, criterion = _build(trained.network, resolve_loss(cae.loss), spec, seed=0)
        module.load_state_dict(trained.weights)
        net = make_net(
            module,
            criterion,
            resolve_optimizer(trained.network.optimizer),
            limits=spec.unit_limits,
            device=resolve_device(device),
            annealed=True,
        )
        fitted = {
            "net_": net,
            "network_": clone(trained.network),
            "loss_": resolve_loss(cae.loss),
            "optimizer_": trained.network.optimizer,
            "noise_": clone(cae.noise),
            "target_": "clean",
            "limits_": None,
            "seed_": 0,
            "image_spec_": spec,
            "n_features_in_": trained.size**2 * trained.n_channels,
        }
        commit(cae, fitted)
        return cae

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Clean images, or noisy ones if ``y`` is given: integers, float32 or float64.
        y : array-like of the shape of X, default=None
            Clean images. Labels are ignored.

        Returns
        -------
        self : DenoisingCAE
            The fitted estimator.

        Raises
        ------
        ValueError
            If images, targets or parameters are not as described, a file of weights is not one of
            the network, or the loss diverges. The estimator is then as it was before, as it is
            after any other error and after Ctrl-C.
        OSError
            If a file of weights is missing and cannot be downloaded, or is not the official one.
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
            Clean images. Labels are ignored.

        Returns
        -------
        self : DenoisingCAE
            The fitted estimator.

        Raises
        ------
        ValueError
            If images, targets or parameters are not as described, a file of weights is not one of
            the network, or the loss diverges. The estimator is then as it was before, as it is
            after any other error and after Ctrl-C.
        OSError
            If a file of weights is missing and cannot be downloaded, or is not the official one.
        """
        return self._fit(X, y, resume=hasattr(self, "net_"), one_pass=True)

    def predict(self, X: ArrayLike, *, self_ensemble: bool = False) -> NDArray[Any]:
        """Denoise images.

        Images of more than half a megapixel are denoised in tiles that overlap by as much as the
        network sees around a pixel, so that the result is that of the whole image and needs no more
        memory than a tile does. With ``verbose`` a bar shows how far it is.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Noisy images in the units of those in ``fit``. Where the network has no flat code they
            may have any height and width, and different ones in a list; for images larger than
            those in ``fit``, train on patches whose codes are 4 x 4 or more, because smaller ones
            see little but borders.
        self_ensemble : bool, default=False
            Give the mean of the results for each image in eight positions, its flips and quarter
            turns [1]_. It takes eight times as long.

        Returns
        -------
        denoised : ndarray of the shape and dtype of X, or list of ndarray
            Denoised images, a list for a list, clipped to a data range that is fixed, else to the
            limits of the dtype.
            Integers of any width stay what they are; float16 becomes float64.

        Raises
        ------
        ValueError
            If X does not have the channels or the units of the images in ``fit``, or is not
            finite. If ``self_ensemble`` turns images of a network that takes one size only, and
            that is not square.

        Notes
        -----
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
            return self._predict_list(X, options)
        source, images = self._read_fitted(X)
        denoised = self.runner_.denoise(images, **options)
        return from_channels_last(denoised, source.ndim, self.image_spec_)

    def _predict_list(self, X, options):
        check_is_fitted(self)
        source, spec = read_sequence(X), self.image_spec_
        check_units(source, spec)
        one_size = self.net_.module_.fixed_size
        images = (sequence_of_size if one_size else sequence_to_channels_last)(source, spec)
        for image in images:
            self.network_.check_images(*image.shape)
        denoised = self.runner_.denoise_each(images, **options)
        return [from_channels_last(image[np.newaxis], source.ndim, spec)[0] for image in denoised]

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Compute the codes of images.

        A large image is encoded at once, not in tiles as in ``predict``.

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
        _, images = self._read_fitted(X, one_size=True)
        self._check_offers("encode", "transform needs a network with a code")
        return self.runner_.encode(images)

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

        Those of a large image are computed at once, not in tiles as in ``predict``.

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
        _, images = self._read_fitted(X)
        maps = self.runner_.layer(images, layer)
        return np.moveaxis(maps, 1, self.image_spec_.channel_axis) if maps.ndim == 4 else maps

    def score(self, X: ArrayLike, y: ArrayLike | None = None) -> float:
        """Mean PSNR of the denoised images in dB; an image counts with at most 100 dB.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
            Noisy images if ``y`` is given. Otherwise clean ones, which are corrupted with the
            noise of the training and a fixed seed.
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
        """How normal images look: minus the mean squared error of their reconstruction.

        Large images are denoised in tiles, as in ``predict``.

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
        _, images = self._read_fitted(X)
        return self.runner_.score(images)

    def _fit(self, X, y, *, resume, one_pass):
        self._validate_params()
        network, loss = resolve_network(self.network), resolve_loss(self.loss)
        if resume:
            self._check_going_on(network)
        plan = self._plan(network, resume, one_pass)
        images, learned = self._reader(resume).read(X, y)
        spec = learned["image_spec_"]
        for choice in (network, loss):
            choice.check_images(*images.shape)
        module, criterion = _build(network, loss, spec, plan.seed)
        if loss.needs_bounded and not module.bounded:
            raise ValueError(
                f"loss={self.loss!r} needs outputs between 0 and 1, but those of {network!r} have "
                "no bounds. Take another loss, such as 'mse', or an Autoencoder."
            )
        if module.fixed_size and not images.keeps_size:
            raise ValueError(
                f"target={self.target!r} shows the network images of half the size, but "
                f"{network!r} takes images of one size only. Take target='masked', or a network "
                "whose code is not flat."
            )
        train_images, valid_images = self._split(images, plan, module)

        def prepare(net):
            progress = self.verbose > 0
            if not resume:
                network.load_pretrained(net.module_, progress=progress)
            if not (resume and take_over(net, self.net_)):
                loss.load_pretrained(net.criterion_, progress=progress)

        net = train(plan, module, criterion, train_images, valid_images, prepare=prepare)
        if not (one_pass or self.for_codes):
            _warn_if_worse_than_noisy(net, train_images, valid_images)
        learned |= {"net_": net, "network_": network, "loss_": loss, "seed_": plan.seed}
        commit(self, {**learned, "limits_": images.limits, "optimizer_": self._optimizer(network)})
        return self

    def _reader(self, resume):
        if self.patches is not None:
            self.patches.check()
        return TrainingReader(
            target=self.target,
            noise=self.noise,
            patches=self.patches,
            image_shape=self.image_shape,
            channel_axis=self.channel_axis,
            data_range=self.data_range,
            fitted=self if resume else None,
        )

    def _optimizer(self, network):
        return network.optimizer if self.optimizer == "auto" else self.optimizer

    def _plan(self, network, resume, one_pass):
        return TrainingPlan(
            optimizer=resolve_optimizer(self._optimizer(network)),
            lr=network.lr if isinstance(self.lr, str) else self.lr,
            lr_schedule=self.lr_schedule,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            early_stopping=self.early_stopping,
            patience=self.patience,
            device=resolve_device(self.device),
            verbose=self.verbose,
            seed=self.seed_ if resume else resolve_seed(self.random_state),
            one_pass=one_pass,
            callbacks=_check_callbacks(self.callbacks or []),
        )

    def _check_going_on(self, network):
        """Refuse another network than the fitted one."""
        changes = network.changes_since(self.network_)
        if changes:
            raise ValueError(
                f"Training cannot go on, because the network has changed since: "
                f"{', '.join(changes)}. Set it back, or make a new estimator (sklearn.base.clone)."
            )

    def _split(self, images, plan, module):
        """Images to train on and images to validate with, None if there are none."""
        fraction = 0 if plan.one_pass else self.validation_fraction
        train_images, valid_images = images.split(
            fraction, plan.seed, validated_size=images.spec.height if module.fixed_size else None
        )
        if not self.early_stopping or plan.one_pass:
            return train_images, valid_images
        if not images.clean_targets:
            raise ValueError(
                f"early_stopping=True with target={self.target!r}: the loss on noisy images does "
                "not tell when an image is best. Set early_stopping=False and max_epochs."
            )
        if valid_images is None:
            raise ValueError(
                f"early_stopping=True needs images to validate, but validation_fraction="
                f"{fraction} of {len(images.rows)} image(s) is none. Give more images or a larger "
                "fraction."
            )
        return train_images, valid_images

    def _view(self, source, *, one_size=False):
        """View images as (n, H, W, C); a network with a flat code takes those of one size."""
        one_size = one_size or self.net_.module_.fixed_size
        view = view_of_size if one_size else to_channels_last
        return view(source, self.image_spec_)

    def _read_fitted(self, X, *, one_size=False):
        """Validate images for the fitted network: their source, and their view (n, H, W, C)."""
        check_is_fitted(self)
        source = check_images(self, X)
        check_units(source, self.image_spec_)
        images = self._view(source, one_size=one_size)
        self.network_.check_images(*images.shape[1:])
        return source, images

    def _check_offers(self, method, what):
        if not hasattr(self.net_.module_, method):
            raise ValueError(
                f"{what}, but that of {self.network_!r} has none. Fit an Autoencoder, as in "
                "DenoisingCAE(Autoencoder())."
            )

    @property
    def runner_(self):
        return Runner(
            self.net_.module_,
            self.image_spec_,
            self.net_.device,
            self.limits_,
            hidden=self.target_ == "masked",
        )

    @property
    def image_shape_(self):
        return self.image_spec_.image_shape

    @property
    def data_range_(self):
        return self.image_spec_.data_range

    @property
    def history_(self):
        return epoch_curves(self.net_.history)

    @property
    def n_parameters_(self):
        return sum(p.numel() for p in self.net_.module_.parameters() if p.requires_grad)

    @property
    def n_total_parameters_(self):
        return sum(p.numel() for p in self.net_.module_.parameters())

    @property
    def layer_names_(self):
        return self.net_.module_.layer_names

    @property
    def _n_features_out(self):
        return int(np.prod(self.net_.module_.code_shape))

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def __getstate__(self):
        state = super().__getstate__()
        if "net_" in state:
            state["net_"] = read_state(state["net_"])
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "net_" in state:
            module, criterion = _build(self.network_, self.loss_, self.image_spec_, self.seed_)
            net = make_net(
                module,
                criterion,
                resolve_optimizer(self.optimizer_),
                seed=self.seed_,
                limits=self.image_spec_.unit_limits,
                device=self._device_or_cpu(),
            )
            load_state(net, state["net_"])
            self.net_ = net

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


def copy_for_codes(cae, noise, seed):
    """An unfitted copy that is trained for its codes, with a noise and a seed if it has none."""
    copied = clone(cae).set_params(for_codes=True)
    if copied.noise is None:
        copied.set_params(noise=noise)
    return seeded(copied, seed)


def _build(network, loss, spec, seed):
    """The torch modules of a network and a loss, with initial weights of a seed."""
    generator = generator_on("cpu", derived_seed(seed, WEIGHTS_STREAM))
    module = network.build((spec.height, spec.width), spec.n_channels, generator)
    return module, loss.build()


def _warn_if_worse_than_noisy(net, train_images, valid_images):
    if not train_images.clean_targets:
        return
    images, name = (valid_images, "validation") if valid_images else (train_images, "training")
    denoised, noisy = net.quality(images)
    if denoised < noisy < PSNR_CAP:
        warn_user(
            f"The network makes its {name} images worse: PSNR {denoised:.1f} dB, {noisy:.1f} dB "
            "before. Train longer (max_epochs) or on more images, or take network='unet', which "
            "hands details past its code; a classical filter (compare_denoisers) may do better. If "
            "only the codes matter, say for_codes=True.",
            ConvergenceWarning,
        )


def _check_callbacks(callbacks):
    for callback in callbacks:
        if not _is_callback(callback):
            raise ValueError(
                f"callbacks holds {callback!r}; expected skorch callbacks such as "
                "skorch.callbacks.Checkpoint(), or pairs (name, callback)."
            )
    return callbacks


def _is_callback(item):
    """Whether skorch takes it: a callback or its class, alone or with a name."""
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
        item = item[1]
    return isinstance(item, Callback) or (isinstance(item, type) and issubclass(item, Callback))
