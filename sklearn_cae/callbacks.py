"""Callbacks of skorch for :class:`~sklearn_cae.DenoisingCAE`, to be passed as ``callbacks``."""

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from skorch.callbacks import Callback

from ._images import check_pixels, check_units, learn_spec, to_channels_last, to_unit, warn_user
from ._random import generators_by_content, resolve_seed
from .display import DenoisingDisplay
from .noise import NoiseModel, resolve_noise
from .noise._pairs import split_targets

__all__ = ["ReconstructionSnapshots"]

# A GIF shows each epoch for so many milliseconds, and the last one for longer.
FRAME_MS, LAST_FRAME_MS = 400, 2000


class ReconstructionSnapshots(Callback):
    """Watch a network learn to denoise the same few images, epoch by epoch.

    After an epoch it draws the clean, noisy and denoised images, what differs from the clean ones,
    and PSNR and SSIM, as :class:`~sklearn_cae.display.DenoisingDisplay` does. A notebook shows the
    figure and updates it in place; files keep the figures of all epochs. Images, noise and the
    colour scale stay the same throughout.

    Parameters
    ----------
    X_clean : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
        A few clean images, in the units of the training images; best ones that are not trained
        on. :class:`~sklearn_cae.NoisyImages` keep their noise.
    every : int, default=1
        Number of epochs between two figures.
    path : str or path-like, default=None
        Where to keep the figures: a name that ends in ``.gif`` for one animation, or a folder for
        a file ``epoch_0001.png`` of each epoch. ``None`` keeps none.
    show : "auto" or bool, default="auto"
        Whether to show the figure in the notebook. "auto" does so if there is one; True is an error
        elsewhere.
    noise : NoiseModel, str, list of these, or None, default=None
        What corrupts the images; ``None`` is the noise of the training.
    channel_axis : int, default=-1
        Axis of the channels in ``X_clean``: -1 for (n, H, W, C), 1 for (n, C, H, W).
    random_state : int, default=0
        Seed of the noise.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import DenoisingCAE
    >>> from sklearn_cae.callbacks import ReconstructionSnapshots
    >>> X = load_digits().images / 16
    >>> folder = tempfile.mkdtemp()
    >>> snapshots = ReconstructionSnapshots(X[200:204], path=folder)
    >>> cae = DenoisingCAE(channels=(8,), max_epochs=2, callbacks=[snapshots], random_state=0)
    >>> cae = cae.fit(X[:200])
    >>> sorted(os.listdir(folder))
    ['epoch_0001.png', 'epoch_0002.png']
    """

    def __init__(
        self,
        X_clean: ArrayLike,
        *,
        every: int = 1,
        path: str | os.PathLike[str] | None = None,
        show: bool | str = "auto",
        noise: NoiseModel | str | Sequence[NoiseModel | str] | None = None,
        channel_axis: int = -1,
        random_state: int = 0,
    ):
        self.X_clean = X_clean
        self.every = every
        self.path = path
        self.show = show
        self.noise = noise
        self.channel_axis = channel_axis
        self.random_state = random_state

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Corrupt the images as the training images ``X`` are."""
        self._check_params()
        self.clean_, self.noisy_ = self._pairs(net, X)
        noise_std = float(np.sqrt(np.mean((self.noisy_ - self.clean_) ** 2)))
        self.error_limit_ = 2 * noise_std or 1.0
        # Training that goes on goes on with its animation.
        if not net.history or not hasattr(self, "frames_"):
            self.frames_ = []
        self.handle_ = None
        if self.path is not None:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, net, **kwargs):
        """Draw what the net makes of the images."""
        epoch = len(net.history)
        if epoch % self.every == 0:
            png = self._draw(net, epoch)
            self._show(png)
            self._keep(png, epoch)

    def on_train_end(self, net, **kwargs):
        """Write the animation."""
        if self.frames_:
            durations = [FRAME_MS] * (len(self.frames_) - 1) + [LAST_FRAME_MS]
            self.frames_[0].save(
                self.path,
                save_all=True,
                append_images=self.frames_[1:],
                duration=durations,
                loop=0,
            )

    def _check_params(self):
        if not isinstance(self.every, (int, np.integer)) or self.every < 1:
            raise ValueError(f"every={self.every!r}; expected a positive integer, in epochs.")
        if self.show not in ("auto", True, False):
            raise ValueError(f"show={self.show!r}; expected 'auto', True or False.")
        if self.show is True and not _in_notebook():
            raise ValueError("show=True, but this is no notebook. Take show='auto', and give path.")
        if self.path is None and not self._is_shown():
            warn_user(
                "ReconstructionSnapshots shows nothing here: this is no notebook. Give path, the "
                "name of a folder or of a .gif file."
            )

    def _is_shown(self):
        return bool(self.show) and _in_notebook()

    def _pairs(self, net, train_pairs):
        """Clean and noisy images (n, H, W, C) in units of the data range."""
        noisy, clean, _ = split_targets(self.X_clean, None)
        clean = check_pixels(clean, name="X_clean")
        train_shape, data_range = train_pairs.clean.shape[1:], train_pairs.data_range
        spec = learn_spec(
            clean,
            image_shape=train_shape if clean.ndim == 2 else None,
            channel_axis=self.channel_axis,
            data_range=data_range,
        )
        if spec.n_channels != train_shape[2]:
            raise ValueError(
                f"X_clean of shape {clean.shape} has {spec.n_channels} channel(s), but the "
                f"training images have {train_shape[2]}. Give images like them, and channel_axis."
            )
        check_units(clean, spec, name="X_clean")
        images = to_channels_last(clean, spec)
        batch = to_unit(images, data_range)
        if noisy is not None:
            corrupted = to_unit(to_channels_last(np.asarray(noisy), spec), data_range)
        else:
            generators = generators_by_content(images, resolve_seed(self.random_state))
            corrupted = train_pairs.corrupt(batch, self._noise(net), generators)
        return _to_images(batch), _to_images(corrupted)

    def _noise(self, net):
        noise = net.noise if self.noise is None else self.noise
        if noise is None:
            raise ValueError(
                "The training images came with noise of their own. Give noise, or NoisyImages as "
                "X_clean, to ReconstructionSnapshots."
            )
        return resolve_noise(noise)

    def _draw(self, net, epoch):
        """PNG of the figure of an epoch."""
        import matplotlib.pyplot as plt

        noisy = to_unit(self.noisy_, (0, 1))
        denoised = _to_images(net.evaluation_step((noisy, None)).clamp(0, 1))
        display = DenoisingDisplay(self.clean_, self.noisy_, denoised)
        figure = display.plot(errors=True, error_limit=self.error_limit_).figure_
        try:
            figure.suptitle(f"epoch {epoch}")
            png = io.BytesIO()
            figure.savefig(png, format="png")
        finally:
            plt.close(figure)
        return png.getvalue()

    def _show(self, png):
        if not self._is_shown():
            return
        from IPython.display import Image, display

        if self.handle_ is None:
            self.handle_ = display(Image(png), display_id=True)
        else:
            self.handle_.update(Image(png))

    def _keep(self, png, epoch):
        if self.path is None:
            return
        if Path(self.path).suffix == ".gif":
            from PIL import Image

            self.frames_.append(Image.open(io.BytesIO(png)).convert("RGB"))
        else:
            Path(self.path).mkdir(exist_ok=True)
            (Path(self.path) / f"epoch_{epoch:04d}.png").write_bytes(png)

    def __getstate__(self):
        # Figures and the notebook's handle stay behind.
        return self.get_params(deep=False)


def _to_images(batch):
    return batch.permute(0, 2, 3, 1).cpu().numpy()


def _in_notebook():
    """Whether this is a Jupyter kernel; IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
