"""A table of denoisers, to see whether a classical filter would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._images import check_pixels, learn_spec, to_channels_last
from ._random import resolve_seed
from .classical import ClassicalDenoiser, available_methods
from .metrics import PSNR_CAP, peak_signal_noise_ratio, structural_similarity
from .noise import NoiseInjector, NoiseModel

# Of the filters of `ClassicalDenoiser` those that remove noise; "wiener" for blur.
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
        SSIM of each image.
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
        for name, psnr, ssim, milliseconds in zip(*columns, strict=True):
            lines.append(f"| {name:{width}} | {psnr:9.2f} | {ssim:5.3f} | {milliseconds:12.2f} |")
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        return repr(self)


def compare_denoisers(
    X_clean: ArrayLike,
    noise: NoiseModel | str | Sequence[NoiseModel | str],
    denoisers: Mapping[str, Any] | None = None,
    *,
    X_train: ArrayLike | None = None,
    methods: Sequence[str] | None = None,
    n_tuning: int = 16,
    image_shape: Sequence[int] | None = None,
    channel_axis: int = -1,
    data_range: str | Sequence[float] = "auto",
    random_state: int = 0,
) -> DenoiserComparison:
    """Measure denoisers on the same noisy images, beside classical filters.

    The filters are those of :class:`~sklearn_cae.ClassicalDenoiser` that are installed: median,
    total variation, wavelet, non-local means, Wiener and BM3D. Where one of them does as well as a
    network, it is the better choice.

    Parameters
    ----------
    X_clean : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
        Clean images to test on, which no denoiser has seen.
    noise : NoiseModel, str or list of these
        What corrupts them, as in :class:`~sklearn_cae.NoiseInjector`.
    denoisers : dict of str to estimator or Pipeline, default=None
        Fitted denoisers by name.
    X_train : array-like of the layout of X_clean, default=None
        Clean images to tune the filters on, such as those the denoisers were trained on. ``None``
        leaves the filters out.
    methods : list of str, default=None
        The filters, as :class:`~sklearn_cae.ClassicalDenoiser` names them. ``None`` is all of the
        above that are installed; BM3D takes about a second for each image.
    n_tuning : int, default=16
        How many images of ``X_train``, drawn at random, the filters are tuned on.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of one image in rows (n, n_features).
    channel_axis : int, default=-1
        Axis of the channels in a batch: -1 for (n, H, W, C), 1 for (n, C, H, W).
    data_range : "auto" or tuple (low, high), default="auto"
        Values of black and white, learned from ``X_clean`` as in
        :class:`~sklearn_cae.DenoisingCAE`.
    random_state : int, default=0
        Seed of the noise and of the images to tune on.

    Returns
    -------
    comparison : DenoiserComparison
        PSNR, SSIM and time of each denoiser; printed, it is a table.

    Raises
    ------
    ValueError
        If a denoiser has the name of a filter or "identity", or gives images of another shape.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import compare_denoisers
    >>> X = load_digits().images / 16
    >>> compare_denoisers(X[1700:], "masking", X_train=X[:1700], methods=["wiener"])
    | denoiser | PSNR (dB) | SSIM  | ms per image |
    |:---------|----------:|------:|-------------:|
    | wiener   |     13.27 | 0.741 |          ... |
    | identity |     12.27 | 0.738 |          ... |
    """
    clean = check_pixels(X_clean, name="X_clean")
    layout: dict[str, Any] = {"image_shape": image_shape, "channel_axis": channel_axis}
    spec = learn_spec(clean, data_range=data_range, **layout)
    layout |= {"data_range": spec.data_range}
    injector = NoiseInjector(noise, random_state=random_state, **layout)
    noisy = np.asarray(injector.corrupt(clean))
    filters: dict[str, Any] = {}
    if X_train is not None:
        pairs = injector.corrupt(_draw(X_train, n_tuning, random_state))
        filters = {
            method: ClassicalDenoiser(method, **layout).fit(pairs)
            for method in (_installed_filters() if methods is None else methods)
        }
    denoisers = dict(denoisers or {})
    taken = denoisers.keys() & {"identity", *filters}
    if taken:
        raise ValueError(f"denoisers has the names {sorted(taken)} of other rows; rename them.")
    predict: dict[str, Any] = {"identity": np.copy}
    predict |= {name: denoiser.predict for name, denoiser in {**denoisers, **filters}.items()}
    rows = [(name, *_measure(name, predict[name], noisy, clean, spec)) for name in predict]
    rows.sort(key=lambda row: -row[1].mean())
    names, psnr, ssim, milliseconds = zip(*rows, strict=True)
    return DenoiserComparison(list(names), np.array(psnr), np.array(ssim), np.array(milliseconds))


def _installed_filters():
    return [method for method in _COMPARED if method in available_methods()]


def _draw(X_train, n_images, random_state):
    train = check_pixels(X_train, name="X_train")
    order = np.random.default_rng(resolve_seed(random_state)).permutation(len(train))
    return train[np.sort(order[:n_images])]


def _measure(name, predict, noisy, clean, spec):
    """PSNR and SSIM of each image, and milliseconds per image."""
    # The first call may load libraries.
    predict(noisy[:1])
    start = perf_counter()
    denoised = np.asarray(predict(noisy))
    milliseconds = 1000 * (perf_counter() - start) / len(noisy)
    if denoised.shape != clean.shape:
        raise ValueError(
            f"{name} gave shape {denoised.shape} for images of shape {clean.shape}; a denoiser "
            "gives images of the shape of its input."
        )
    images = [to_channels_last(X, spec) for X in (clean, denoised)]
    options = {"data_range": spec.data_range[1] - spec.data_range[0], "reduction": "none"}
    psnr = np.minimum(peak_signal_noise_ratio(*images, **options), PSNR_CAP)
    return psnr, structural_similarity(*images, **options), milliseconds
