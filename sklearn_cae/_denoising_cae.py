"""The denoising convolutional autoencoder as a scikit-learn estimator."""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, Options

from ._checkpoint import split_checkpoint
from ._constraints import instance_of, one_of
from ._fitted import commit
from ._fitted_network import FittedNetwork
from ._html import NetworkHTMLMixin
from ._network_state import NetworkState, build_modules
from ._onnx import OnnxExport
from ._random import resolve_seed, seeded
from ._threads import threads_of_worker
from .files import Savable, read_estimator
from .images import NoisyImages, layout_of, spec_of_range
from .learning import LOSSES, TARGETS, LossSpec, Patches, TrainingReader, check_bounds, resolve_loss
from .networks import NETWORKS, NetworkSpec, resolve_network
from .noise import NoiseModel
from .persistence import PRETRAINED_CLASSES, pretrained_path, share_state, take_over
from .training import (
    LR_SCHEDULES,
    OPTIMIZERS,
    PRECISIONS,
    TrainingPlan,
    all_processes,
    check_callbacks,
    describe_call,
    resolve_device,
    resolve_optimizer,
    resolve_precision,
    train,
    warn_of_harm,
)


class DenoisingCAE(NetworkHTMLMixin, Savable, OnnxExport, NetworkState, FittedNetwork):
    r"""Denoising convolutional autoencoder.

    A convolutional encoder :math:`e` compresses an image :math:`x` into a code, and a decoder
    :math:`d` draws the clean image from the code. In training they see corrupted images
    :math:`\tilde x` and minimise

    .. math:: L\bigl(x,\, d(e(\tilde x))\bigr)

    The noise is drawn anew in each epoch. ``predict`` denoises images, ``transform`` computes
    codes, ``inverse_transform`` decodes them, and ``score_samples`` tells how normal an image
    looks.

    Parameters
    ----------
    network : {"autoencoder", "res_unet", "unet"} or NetworkSpec, default=None
        The network. ``None`` is :class:`Autoencoder`, whose code holds the whole image. "unet" is
        :class:`UNet`, for those who only denoise small images; it passes details around the code.
        "res_unet" is :class:`ResUNet`, for photographs. To set options, pass an object, such as
        ``Autoencoder((16, 32), latent_dim=8)``, ``Autoencoder(VGG16Encoder())``, or your own
        network in :class:`TorchNetwork`. A search can set the options of an object, not of ``None``
        or a name: ``network__latent_dim``.
    noise : NoiseModel, str, list of these, or None, default=None
        The corruption of the training images, as in :class:`NoiseInjector`. ``None`` is that of X,
        else ``GaussianNoise(0.1)``. "none" makes a plain autoencoder. With ``target="recorrupted"``
        it is the noise that X holds, and ``None`` estimates it.
    target : {"clean", "noisy", "neighbor", "masked", "recorrupted"}, default="clean"
        The images that outputs are compared with. "clean" are clean images; the other targets need
        none. "noisy" learns from two noisy takes of the same images, ``fit(A, B)`` [5]_; the noise
        of B must be independent of that of A and have mean zero. The others learn from noisy images
        alone, ``fit(X_noisy)``. The noise of a pixel must then be independent of that of its
        neighbours and have mean zero; a warning tells if it is not white. "neighbor" sees one of
        each 2 x 2 pixels and has to give its neighbour, as in [3]_ without the regularisation. Use
        it for photographs, where neighbours are alike. "masked" has to find hidden pixels from
        those around them [4]_. Use it for any images; ``predict`` then takes 16 passes.
        "recorrupted" adds more of the noise to its input and takes it off the target [6]_. Use it
        if the noise is Gaussian or that of photons, and has one level, told by ``noise`` or
        estimated. Without clean images there is no early stopping and no PSNR.
    loss : {"mse", "l1", "bce", "charbonnier"}, PerceptualLoss or callable, default="mse"
        Mean squared error, mean absolute error, binary cross-entropy (for networks whose output
        lies between 0 and 1) or a smooth absolute error. :class:`PerceptualLoss` also compares
        feature maps of VGG16. You can also pass a callable that makes a torch loss: a class, or
        ``functools.partial(torch.nn.SmoothL1Loss, beta=0.1)``.
    patches : Patches or None, default=None
        Squares to cut out of the training images, for photographs. X can then be a list of images
        of different sizes. ``None`` trains on whole images if they have one size, and otherwise on
        ``Patches()``.
    optimizer : {"auto", "adam", "adamw", "muon", "sgd"} or callable, default="auto"
        The optimizer: a name, a class of torch, or
        ``functools.partial(torch.optim.SGD, momentum=0.9)``. "auto" is that of the network: Muon
        for :class:`ResUNet`, Adam for the others.
    lr : float or "auto", default="auto"
        Learning rate; with "one_cycle" its peak. "auto" is that of the network: 8e-3 for
        :class:`ResUNet`, 1e-2 for the others.
    lr_schedule : {"one_cycle", "cosine", "constant"}, default="one_cycle"
        Course of the learning rate over the steps of ``fit``. ``partial_fit`` keeps it constant.
        A training that continues after the rate has come down, by ``warm_start`` or
        ``partial_fit``, starts at a tenth of ``lr``, so that nothing is lost. For other schedules
        use "constant" and a :class:`skorch.callbacks.LRScheduler`.
    batch_size : int, default=32
        Largest number of images in a training batch. With few images the batches become smaller,
        down to eight images, so that there are four of them where possible. No batch has a single
        image, because batch normalisation may refuse it; with 1 the batches have two images.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training images. "auto" is 10, or as many as make 500 steps,
        which a training needs even if the images are few. 0 leaves the network as it is, to use
        the features of a pretrained encoder, ``Autoencoder(VGG16Encoder())``.
    validation_fraction : float, default=0.1
        Share of the images held out for validation, rounded down to whole images. Of four images
        or more it is at least one. 0 holds out none.
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
        Values of black and white. "auto" is 0 to 255 for uint8, and 0 to 1 for floats within it.
        For other images, such as the counts of a sensor in uint16, it is a robust range of the
        values in ``fit`` that single hot pixels do not move. Results are clipped to a fixed range;
        if the range was learned, only to the limits of their dtype.
    device : str, default="auto"
        Device of torch; "auto" picks CUDA, else MPS, else CPU.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the convolutions. "auto" trains in bfloat16 if the processor or GPU has it and
        images or patches have at least 16 x 16 pixels. This takes about half the time. Results are
        in float32. With "bfloat16" results are computed in bfloat16, too, two to three times as
        fast and with errors of up to 0.001 of the data range in the mean and 0.02, 5 levels of 255,
        in single pixels. Weights, losses, optimizers and outlier scores are always float32.
    for_codes : bool, default=False
        Whether the network is trained for its codes. ``fit`` then does not warn if its images are
        worse than its noisy input, or if images taken for clean ones look noisy.
    warm_start : bool, default=False
        Continue from the fitted network in the next ``fit``.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, the order of the images, noise and dropout. With an int, the same
        machine with the same number of torch's threads trains the same model on CPU. A training
        that goes on keeps its seed, unless this is an int.
    verbose : int, default=0
        0 is silent. 1 tells device, precision, images and weights before the first epoch, and shows
        progress bars: of the training, with PSNR, of ``predict``, and of a download.

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
        The noise of the training images; ``None`` if it was not told, as that of given pairs.
    seed_ : int
        Seed of the training.
    target_ : str
        What outputs were compared with.
    limits_ : tuple of float or None
        Where the noisy training images lay, in units of the data range: 0 and 1 if the noise was
        clipped to it, ``None`` if it was not. ``predict`` clips noisy images likewise.
    precision_ : {"float32", "bfloat16"}
        What ``predict`` and ``transform`` compute in; ``net_.precision`` is that of the training.
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
    tile_margin_ : int or None
        Pixels around a tile of an image that its result depends on, rounded up to a multiple of 64,
        so that pooling falls as in the whole image. ``None`` if the network cannot take tiles.
    runner_ : Runner
        The network on arrays (n, H, W, C), without gradients.

    Warns
    -----
    ConvergenceWarning
        If the trained network leaves the validation images (or, without any, the training images)
        worse than their noisy versions, or if fewer than ten of them leave that open: the mean gain
        is below its standard error, or that of a single one is below a fifth of the gain on the
        training images. Both PSNR and the cure are told.
    UserWarning
        If X or y, taken for clean images, looks noisy: in flat places of at least 8 x 8 pixels, and
        by a standard deviation of 0.04 of the data range or more. With ``target="recorrupted"`` if
        flat places of X hold another level than ``noise`` tells, by a factor of more than 1.5.

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

    In processes of ``torch.distributed``, as ``torchrun`` starts them, ``fit`` and ``partial_fit``
    train one network: each process calls them with the same data and parameters, takes its share of
    every batch, and ends with the same bits. The first one alone shows progress, warns of harm and
    writes the files of callbacks. An error in one is an error in all.

    Initialisation, normalisation, schedule and batch size come from ``benchmarks/fast_to_good.py``.
    A result does not depend on the images beside it, but for rounding: at most 1e-6 of the data
    range where the number of images in a call differs, or 0.01 with ``precision="bfloat16"``.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol, "Extracting and composing robust
       features with denoising autoencoders", ICML 2008.
    .. [2] L. N. Smith, N. Topin, "Super-convergence", 2019.
    .. [3] T. Huang, S. Li, X. Jia, H. Lu, J. Liu, "Neighbor2Neighbor", CVPR 2021.
    .. [4] J. Batson, L. Royer, "Noise2Self: blind denoising by self-supervision", ICML 2019.
    .. [5] J. Lehtinen et al., "Noise2Noise", ICML 2018.
    .. [6] T. Pang, H. Zheng, Y. Quan, H. Ji, "Recorrupted-to-Recorrupted", CVPR 2021.

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
        "network": [one_of(*NETWORKS), instance_of("a network such as UNet()", NetworkSpec), None],
        "noise": "no_validation",  # an error of its own
        "target": [one_of(*TARGETS)],
        "loss": [one_of(*LOSSES), instance_of("a PerceptualLoss()", LossSpec), callable],
        "patches": [instance_of("Patches such as Patches(64)", Patches), None],
        "optimizer": [one_of("auto", *OPTIMIZERS), callable],
        "lr": [one_of("auto"), Interval(Real, 0, None, closed="neither")],
        "lr_schedule": [one_of(*LR_SCHEDULES)],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [one_of("auto"), Interval(Integral, 0, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "callbacks": [list, None],
        "image_shape": [instance_of("a tuple such as (28, 28)", tuple, list), None],
        "channel_axis": [Options(Integral, {-1, 1, 3})],
        "data_range": [one_of("auto"), instance_of("a tuple such as (0, 1)", tuple, list)],
        "device": [str],
        "precision": [one_of(*PRECISIONS)],
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
        precision: str = "auto",
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
        self.precision = precision
        self.for_codes = for_codes
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def from_pretrained(
        cls,
        name: str,
        *,
        channel_axis: int = -1,
        data_range: tuple[float, float] = (0, 255),
        device: str = "auto",
        precision: str = "auto",
    ) -> Self:
        """Return a fitted denoiser of photographs that comes with the package.

        It removes Gaussian noise of any level, up to a standard deviation of 55 of 255, from images
        of any size. ``fit`` and ``partial_fit`` on your own images continue from its weights. They
        use the noise of its training: any of these levels, not clipped.

        Parameters
        ----------
        name : {"natural-gray", "natural-color"}
            For gray images (n, H, W), or for colour images (n, H, W, 3).
        channel_axis : int, default=-1
            Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
        data_range : tuple (low, high), default=(0, 255)
            Values of black and white in your images: (0, 1) for floats within it.
        device : str, default="auto"
            Device of torch; "auto" picks CUDA, else MPS, else CPU.
        precision : {"auto", "float32", "bfloat16"}, default="auto"
            Precision of the convolutions. "auto" computes results in float32. "bfloat16" is two
            to three times as fast where the processor has it; most pixels of uint8 images are then
            the same, others differ by a level, single ones by up to 5.

        Returns
        -------
        cae : DenoisingCAE
            The fitted estimator.

        Raises
        ------
        ValueError
            If the package has no denoiser of this name, or a parameter is not as described.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_cae import DenoisingCAE
        >>> noisy = np.random.default_rng(0).integers(0, 256, (2, 40, 60), dtype=np.uint8)
        >>> DenoisingCAE.from_pretrained("natural-gray").predict(noisy).shape
        (2, 40, 60)
        """
        path = pretrained_path(name)
        resolve_device(device)  # One that is not there is an error here, no warning.
        classes = {**PRETRAINED_CLASSES, DenoisingCAE.__name__: cls}
        cae = read_estimator(path, classes, device=device)
        cae.set_params(channel_axis=channel_axis, data_range=data_range, precision=precision)
        cls._follow_params(cae)
        return cae

    def _follow_params(self):
        """Set what ``fit`` would have set by the parameters for the layout and the precision."""
        self._validate_params()
        self.precision_ = self._result_precision()
        spec, data_range, channel_axis = self.image_spec_, self.data_range, self.channel_axis
        self.image_spec_ = spec_of_range(spec.height, spec.n_channels, data_range, channel_axis)

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
            Clean images, or noisy ones if ``y`` is given or ``target`` says so: integers, float32
            or float64. A list may hold images (H, W), (H, W, C) or (C, H, W) of different sizes.
            What is not in memory, as a memory map, an array of HDF5, zarr or dask, is read in
            blocks, once in each epoch, and shuffled within windows of them.
        y : array-like of the shape of X, default=None
            Clean images, or second takes with ``target="noisy"``. Labels are ignored.

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
        """Train for one pass over the given images; none is held out for validation.

        The training continues with the weights and the state of the optimizer from the last call or
        from ``fit``, at a constant learning rate. The first call fixes the data range. For a stream
        of floats outside of 0 to 1, set ``data_range``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
            Images as ``fit`` takes them.
        y : array-like of the shape of X, default=None
            As in ``fit``.

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

    def _fit(self, X, y, *, resume, one_pass):
        with threads_of_worker(), all_processes() as processes:
            learned, checkpoint = self._train(X, y, processes, resume=resume, one_pass=one_pass)
        commit(self, learned)
        if checkpoint is not None:
            checkpoint.raise_error()
        return self

    def _train(self, X, y, processes, *, resume, one_pass):
        """Fitted attributes, and the checkpoint of the training, None if there is none."""
        self._validate_params()
        processes.check_same(lambda: describe_call(self, resume=resume, one_pass=one_pass))
        network, loss = resolve_network(self.network), resolve_loss(self.loss)
        if resume:
            self._check_going_on(network)
        plan = self._plan(network, processes, resume, one_pass)
        images, learned = self._reader(X, resume, one_pass).read(X, y)
        spec = learned["image_spec_"]
        for choice in (network, loss):
            choice.check_images(*images.shape)
        module, criterion = build_modules(network, loss, spec, plan.seed)
        if loss.needs_bounded:
            check_bounds(self.loss, network, module, self.target, images)
        if module.fixed_size and not images.keeps_size:
            raise ValueError(
                f"target={self.target!r} shows the network images of half the size, but "
                f"{network!r} takes images of one size only. Take target='masked', or a network "
                "whose code is not flat."
            )
        train_images, valid_images = self._split(images, plan, module)

        def prepare(net):
            progress = plan.verbose > 0
            if not resume:
                network.load_pretrained(net.module_, progress=progress)
            if not (resume and take_over(net, self.net_)):
                loss.load_pretrained(net.criterion_, progress=progress)

        precision = resolve_precision(self.precision, network, images.shape[:2], plan.device)
        net = train(
            plan,
            module,
            criterion,
            train_images,
            valid_images,
            precision=precision,
            prepare=prepare,
        )
        share_state(net, processes)
        if processes.is_first and not (one_pass or self.for_codes):
            warn_of_harm(net, train_images, valid_images, cure=_cure_of_harm(network))
        learned |= {"net_": net, "network_": network, "loss_": loss, "seed_": plan.seed}
        learned |= {"limits_": images.limits, "optimizer_": self._optimizer(network)}
        learned["precision_"] = self._result_precision()
        if plan.checkpoint is not None:
            plan.checkpoint.share_error(processes)
        return learned, plan.checkpoint

    def _result_precision(self):
        return "float32" if self.precision == "auto" else self.precision

    def _reader(self, X, resume, one_pass):
        if self.patches is not None:
            self.patches.check()
        return TrainingReader(
            target=self.target,
            noise=self.noise,
            patches=self.patches,
            **layout_of(X, self),
            fitted=self if resume else None,
            warns=not (one_pass or self.for_codes),
        )

    def _optimizer(self, network):
        return network.optimizer if self.optimizer == "auto" else self.optimizer

    def _plan(self, network, processes, resume, one_pass):
        callbacks, checkpoint = split_checkpoint(check_callbacks(self.callbacks or []))
        keeps = resume and not isinstance(self.random_state, Integral)
        seed = self.seed_ if keeps else resolve_seed(self.random_state)
        if checkpoint is not None and not isinstance(self.random_state, Integral):
            seed = checkpoint.stored_seed(seed)
        return TrainingPlan(
            optimizer=resolve_optimizer(self._optimizer(network)),
            lr=network.lr if isinstance(self.lr, str) else self.lr,
            lr_schedule=self.lr_schedule,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            early_stopping=self.early_stopping,
            patience=self.patience,
            device=resolve_device(self.device),
            verbose=self.verbose if processes.is_first else 0,
            seed=processes.of_first(seed),
            one_pass=one_pass,
            reproducible=self.random_state is not None or checkpoint is not None,
            callbacks=callbacks,
            processes=processes,
            checkpoint=None if one_pass else checkpoint,
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
        train_images, valid_images = images.on_device(plan.device).split(
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def copy_for_codes(cae, X, seed):
    """An unfitted copy that is trained for its codes, with a seed if it has none.

    What it is not told of noise, layout and units is what X brings along.
    """
    copied = clone(cae).set_params(for_codes=True, **layout_of(X, cae))
    if copied.noise is None and isinstance(X, NoisyImages):
        copied.set_params(noise=X.noise)
    return seeded(copied, seed)


def _cure_of_harm(network):
    other = "take network='unet', which passes details around its code; " if network.decodes else ""
    return (
        f"What may help: train longer (max_epochs) or on more images; {other}see whether a "
        "classical filter does better (compare_denoisers). If only the codes matter, say "
        "for_codes=True."
    )
