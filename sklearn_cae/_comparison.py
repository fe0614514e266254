"""A table of denoisers, to see whether a classical filter would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from reprlib import repr as short_repr
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing, check_scalar

from ._denoising_cae import DenoisingCAE
from ._random import resolve_seed
from .classical import ClassicalDenoiser, available_filters
from .images import (
    ImageSequence,
    NoisyImages,
    groups_of_one_shape,
    is_image_list,
    is_target,
    learn_sequence_spec,
    learn_spec,
    read_sequence,
    refuse_empty,
    refuse_mixed_dtypes,
    split_targets,
)
from .metrics import batches_of_one_shape, capped_psnr, denoiser_of, noisy_batch, ssim_or_nan
from .noise import NoiseModel, resolve_noise

# Of the filters of ``ClassicalDenoiser`` those that remove noise; "wiener" for blur.
_COMPARED = ("median", "total_variation", "wavelet", "nl_means", "wiener", "bm3d")


@dataclass(frozen=True)
class DenoiserComparison:
    """What :func:`compare_denoisers` measured; its text is a table in Markdown.

    Attributes
    ----------
    names : list of str
        The denoisers, the one with the highest PSNR first. "identity" is the noisy image itself.
    psnr : ndarray of shape (n_denoisers, n_images)
        PSNR of each image in dB, at most 100.
    ssim : ndarray of shape (n_denoisers, n_images)
        SSIM of each image; NaN of images of fewer than 3 pixels in a direction, which have none.
    milliseconds : ndarray of shape (n_denoisers,)
        Time of ``predict`` for one image, when all come in one batch.
    """

    names: list[str]
    psnr: NDArray[np.float64]
    ssim: NDArray[np.float64]
    milliseconds: NDArray[np.float64]

    def __repr__(self) -> str:
        width = max(map(len, ["denoiser", *self.names]))
        lines = [
            f"| {'denoiser':{width}} | PSNR (dB) | SSIM  | ms per image |",
            f"|:{'-' * width}-|----------:|------:|-------------:|",
        ]
        columns = (self.names, self.psnr.mean(axis=1), self.ssim.mean(axis=1), self.milliseconds)
        for name, psnr, mean_ssim, milliseconds in zip(*columns, strict=True):
            ssim = "–" if np.isnan(mean_ssim) else f"{mean_ssim:.3f}"
            lines.append(f"| {name:{width}} | {psnr:9.2f} | {ssim:>5} | {milliseconds:12.2f} |")
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        return repr(self)


def compare_denoisers(
    X: ArrayLike,
    noise: NoiseModel | str | Sequence[NoiseModel | str] | None = None,
    denoisers: Mapping[str, Any] | None = None,
    *,
    y: ArrayLike | None = None,
    X_train: ArrayLike | None = None,
    y_train: ArrayLike | None = None,
    filters: Sequence[str] | None = None,
    n_tuning: int = 16,
    image_shape: Sequence[int] | None = None,
    channel_axis: int = -1,
    data_range: str | Sequence[float] = "auto",
    random_state: int | np.random.RandomState | None = 0,
) -> DenoiserComparison:
    """Compare denoisers with each other and with classical filters, on the same noisy images.

    The filters are those of :class:`~sklearn_cae.ClassicalDenoiser` that are installed: median,
    total variation, wavelet, non-local means, Wiener and BM3D. If one of them does as well as a
    network, use the filter.

    Parameters
    ----------
    X : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W), or list
        Test images that no denoiser has seen: clean images, noisy images with the clean ones in
        ``y``, or ``NoisyImages``. A list may hold images of any sizes.
    noise : NoiseModel, str, list of these, or None, default=None
        The corruption of the clean images in X and ``X_train``, as in
        :class:`~sklearn_cae.NoiseInjector`. ``None`` is the noise of ``NoisyImages``, or none
        if you pass pairs.
    denoisers : dict of str to estimator, Pipeline, search or str, default=None
        Fitted denoisers by name; "natural-gray" and "natural-color" are those of
        :meth:`DenoisingCAE.from_pretrained`.
    y : array-like of the shape of X, default=None
        Clean images, if X is noisy; labels are ignored.
    X_train : array-like of the layout of X, default=None
        Images to tune the filters on, such as those the denoisers were trained on: clean images or
        pairs, as in X. ``None`` leaves all filters out. If it is a list, the filters are tuned on
        the central parts of the images.
    y_train : array-like of the shape of X_train, default=None
        Clean images, if ``X_train`` is noisy.
    filters : list of str, default=None
        The filters, as :class:`~sklearn_cae.ClassicalDenoiser` names them. ``None`` is all of the
        above that are installed. BM3D takes one to two seconds for an image of 64 x 64 pixels, and
        16 times that to be tuned; the others take milliseconds. A list without it leaves it out.
    n_tuning : int, default=16
        Number of images of ``X_train``, drawn at random, that the filters are tuned on.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of one image in rows (n, n_features).
    channel_axis : int, default=-1
        Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
    data_range : "auto" or tuple (low, high), default="auto"
        Values of black and white. "auto" is the range that the denoisers were fitted with; without
        denoisers it is learned from the clean images as in :class:`~sklearn_cae.DenoisingCAE`.
    random_state : int, RandomState instance or None, default=0
        Seed of the noise and of the images to tune on.

    Returns
    -------
    comparison : DenoiserComparison
        PSNR, SSIM and time of each denoiser; printed, it is a table.

    Raises
    ------
    ValueError
        If a denoiser has the name of a filter or "identity", another data range, or gives images
        of another shape; if there are clean images but no noise, or a noise but no clean images;
        if ``filters`` are given without ``X_train``. Or if the package has no denoiser of a name
        that is given.
    TypeError
        If ``denoisers`` is not a dict of denoisers, or ``noise`` is not a noise model.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import compare_denoisers
    >>> X = load_digits().images / 16
    >>> compare_denoisers(X[1700:], "masking", X_train=X[:1700], filters=["wiener"])
    | denoiser | PSNR (dB) | SSIM  | ms per image |
    |:---------|----------:|------:|-------------:|
    | wiener   |     13.27 | 0.741 |          ... |
    | identity |     12.27 | 0.738 |          ... |
    """
    denoisers = _check_denoisers(denoisers)
    filters = _check_filters(filters, X_train, denoisers)
    check_scalar(n_tuning, "n_tuning", int, min_val=1)
    noise = _choose_noise(noise, (X, y), (X_train, y_train))
    seed = resolve_seed(random_state)

    def spec_of(clean):
        layout = {"image_shape": image_shape, "channel_axis": channel_axis}
        return _learn_spec(clean, layout, data_range, denoisers)

    order, batches = _read_batches(X, y, spec_of, noise, seed)
    spec = batches[0].spec
    internal = replace(spec, channel_axis=3, ndim=4)
    as_images = [batch._replace(given=batch.noisy, spec=internal) for batch in batches]
    # Before the filters are tuned: a name that does not exist is told at once.
    predictors = {
        name: _predictor(denoiser, batches, as_images) for name, denoiser in denoisers.items()
    }
    rows = [("identity", *_measure("identity", np.copy, as_images))]
    if filters:
        train = noisy_batch(
            *_draw(X_train, y_train, n_tuning, seed, spec.channel_axis),
            spec_of=lambda _: spec,
            noise_of=lambda: noise,
            seed=seed,
        )
        rows += [(name, *_measure_filter(name, train, as_images)) for name in filters]
    rows += [(name, *_measure(name, *predictor)) for name, predictor in predictors.items()]
    rows = [(name, psnr[order], ssim[order], time) for name, psnr, ssim, time in rows]
    rows.sort(key=lambda row: -row[1].mean())
    names, psnr, ssim, milliseconds = zip(*rows, strict=True)
    return DenoiserComparison(list(names), np.array(psnr), np.array(ssim), np.array(milliseconds))


def _read_batches(X, y, spec_of, noise, seed):
    """Noisy and clean images, a batch for each size, and how to bring them into their order."""
    options = {"noise_of": lambda: noise, "seed": seed}
    if not is_image_list(X):
        batch = noisy_batch(X, y, spec_of=spec_of, **options)
        return np.arange(len(batch.noisy)), [batch]
    clean = read_sequence(y if is_target(X, y) else X, name="X")
    spec = spec_of(clean)
    batches = [
        noisy_batch(*images, spec_of=lambda _: spec, **options)
        for images in batches_of_one_shape(X, y)
    ]
    return np.argsort(np.concatenate(list(groups_of_one_shape(X)))), batches


def _predictor(denoiser, batches, as_images):
    """The function that denoises, and what it takes: as given, or images (n, H, W, C) by name."""
    if not isinstance(denoiser, str):
        return denoiser.predict, batches
    data_range = as_images[0].spec.data_range
    return DenoisingCAE.from_pretrained(denoiser, data_range=data_range).predict, as_images


def _check_denoisers(denoisers):
    if denoisers is None:
        return {}
    if not isinstance(denoisers, Mapping):
        raise TypeError(
            f"denoisers is {_described(denoisers)}; expected a dict of fitted denoisers by name, "
            "such as {'ours': denoiser}."
        )
    for name, denoiser in denoisers.items():
        if not (hasattr(denoiser, "predict") or isinstance(denoiser, str)):
            raise TypeError(
                f"denoisers[{name!r}] is {_described(denoiser)}, which has no predict; expected a "
                "fitted denoiser."
            )
    return dict(denoisers)


def _check_filters(filters, X_train, denoisers):
    if X_train is None:
        if filters:
            raise ValueError(
                f"filters={short_repr(filters)}, but there are no images to tune them on. Give "
                "X_train, images that are not among those of X, or leave out filters."
            )
        filters = []
    elif filters is None:
        installed = available_filters()
        filters = [name for name in _COMPARED if name in installed]
    taken = denoisers.keys() & {"identity", *filters}
    if taken:
        raise ValueError(f"denoisers has the names {sorted(taken)} of other rows; rename them.")
    return filters


def _choose_noise(noise, *data):
    """The noise for clean images in any (X, y), ``None`` if all are pairs."""
    given = noise is not None
    if given:
        noise = _check_noise(noise)
    else:
        brought = [X.noise for X, _ in data if isinstance(X, NoisyImages)]
        noise = next((model for model in brought if model is not None), None)
    corrupts = any(X is not None and split_targets(X, y)[0] is None for X, y in data)
    if corrupts and noise is None:
        raise ValueError(
            "there are clean images but no noise. Give the noise that corrupts them, or their "
            "noisy versions as X and the clean images as y (X_train and y_train)."
        )
    if given and not corrupts:
        raise ValueError(
            f"noise is {short_repr(noise)}, but the images are pairs, which are used as they are. "
            "Leave noise out, or give clean images alone."
        )
    return noise


def _check_noise(noise):
    models = noise if isinstance(noise, (list, tuple)) else [noise]
    if not all(isinstance(model, (NoiseModel, str)) for model in models):
        raise TypeError(
            f"noise is {_described(noise)}; expected a noise model, its name, or a list of these. "
            "The clean images of noisy ones are given as y=."
        )
    return resolve_noise(noise)


def _described(value):
    """The kind and shape of a value for an error message, which shows no array."""
    name = type(value).__name__
    shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}{shape}"


def _learn_spec(clean, layout, data_range, denoisers):
    """Layout of the clean images, and the data range that all denoisers share."""
    fitted = {name: model for name, model in denoisers.items() if not isinstance(model, str)}
    inner = {name: denoiser_of(model) for name, model in fitted.items()}
    specs = {name: m.image_spec_ for name, m in inner.items() if hasattr(m, "image_spec_")}
    learn = _learn_list_spec if isinstance(clean, ImageSequence) else learn_spec
    if isinstance(data_range, str) and specs:
        first = next(iter(specs.values()))
        spec = learn(clean, **layout)
        spec = replace(spec, data_range=first.data_range, fixed=first.fixed)
    else:
        spec = learn(clean, data_range=data_range, **layout)
    ranges = {name: other.data_range for name, other in specs.items()}
    if any(other != spec.data_range for other in ranges.values()):
        raise ValueError(
            f"The data range is {spec.data_range}, but those of the denoisers are {ranges}: their "
            "noise and their scores are not comparable. Fit them all with one "
            "data_range=(low, high)."
        )
    return spec


def _learn_list_spec(clean, image_shape, **options):
    return learn_sequence_spec(clean, 1, **options)


def _draw(X, y, n_images, seed, channel_axis):
    """So many images, drawn at random, and their clean ones; of a list the central parts."""
    refuse_empty(X, "X_train")
    n_samples = len(X)
    rows = np.sort(np.random.default_rng(seed).permutation(n_samples)[:n_images])
    if is_image_list(X):
        clean = _central_parts(y, rows, channel_axis, "y_train") if is_target(X, y) else None
        return _central_parts(X, rows, channel_axis, "X_train"), clean
    clean = _safe_indexing(y, rows) if is_target(X, y) else None
    return _safe_indexing(X, rows), clean


def _central_parts(images, rows, channel_axis, name):
    """Images of a list, cut to the smallest height and width among them."""
    some = [images[row] for row in rows]
    refuse_mixed_dtypes(some, name)
    # Height and width: of (C, H, W) the last two axes, else the first two.
    axes = slice(1, 3) if channel_axis == 1 and some[0].ndim == 3 else slice(0, 2)
    size = np.min([image.shape[axes] for image in some], axis=0)
    return np.stack([_central_part(image, size, axes) for image in some])


def _central_part(image, size, axes):
    parts = [slice(None)] * image.ndim
    starts = (np.array(image.shape[axes]) - size) // 2
    parts[axes] = map(slice, starts, starts + size)
    return image[tuple(parts)]


def _measure_filter(name, train, batches):
    """A filter tuned on pairs; all in images (n, H, W, C)."""
    spec = batches[0].spec
    data_range = spec.data_range if spec.fixed else "auto"
    denoiser = ClassicalDenoiser(name, data_range=data_range).fit(train.noisy, train.clean)
    return _measure(name, denoiser.predict, batches)


def _measure(name, predict, batches):
    """PSNR and SSIM of each image, and milliseconds per image."""
    # The first call may load libraries.
    predict(batches[0].given[:1])
    measured = [_measure_batch(name, predict, batch) for batch in batches]
    psnr, ssim = (np.concatenate([row[i] for row in measured]) for i in range(2))
    return psnr, ssim, 1000 * sum(row[2] for row in measured) / len(psnr)


def _measure_batch(name, predict, batch):
    start = perf_counter()
    denoised = predict(batch.given)
    seconds = perf_counter() - start
    denoised = batch.check_denoised(denoised, name)
    low, high = batch.spec.data_range
    options = {"data_range": high - low, "reduction": "none"}
    psnr = capped_psnr(batch.clean, denoised, **options)
    return psnr, ssim_or_nan(batch.clean, denoised, **options), seconds
