"""Callbacks of skorch for :class:`~sklearn_cae.DenoisingCAE`, to be passed as ``callbacks``."""

import io
import os
import struct
import sys
import uuid
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from numbers import Integral
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import (
    Interval,
    validate_parameter_constraints,
)
from skorch.callbacks import Callback

from ._checkpoint import TrainingCheckpoint
from ._constraints import one_of
from ._inference import Runner
from ._random import resolve_seed
from ._warnings import warn_user
from ._weight_history import WeightHistory
from .display import DenoisingDisplay, check_channels
from .images import (
    check_units,
    check_within_range,
    read_images,
    split_targets,
    to_array,
    to_channels_last,
    view_of_size,
)
from .noise import NoiseModel, corrupt_images, resolve_noise

__all__ = ["ReconstructionSnapshots", "TrainingCheckpoint", "WeightHistory"]

# A GIF shows each epoch for so many milliseconds, and the last one for longer.
FRAME_MS, LAST_FRAME_MS = 400, 2000
# The colours of the errors end at so many standard deviations of the noise: 95 % of Gaussian noise
# lies within.
ERROR_STDS = 2


class ReconstructionSnapshots(Callback):
    """Watch a network learn to denoise the same few images, epoch by epoch.

    After an epoch it draws the clean, noisy and denoised images, their differences from the clean
    ones, and PSNR and SSIM, as :class:`~sklearn_cae.display.DenoisingDisplay` does. A notebook
    shows one figure and updates it. Files keep the figures of all epochs. The images, their noise
    and the colour scale always stay the same.

    Parameters
    ----------
    X_clean : array-like of shape (n, n_features), (n, H, W), (n, H, W, C) or (n, C, H, W)
        A few clean images, in the layout and units of the training images; best ones that are not
        trained on. :class:`~sklearn_cae.NoisyImages` keep their noise.
    every : int, default=1
        Number of epochs between two figures.
    path : str or path-like, default=None
        Where to keep the figures: a name that ends in ``.gif`` for one animation, or a folder for
        a file ``epoch_0001.png`` of each epoch. ``None`` keeps none. An animation is written
        whenever its frames have doubled, and at the end.
    show : "auto" or bool, default="auto"
        Whether to show the figure in the notebook. "auto" does so if there is one; True is an error
        elsewhere.
    noise : NoiseModel, str, list of these, or None, default=None
        What corrupts the images; ``None`` is the noise of the training.
    random_state : int, RandomState instance or None, default=0
        Seed of the noise. It is fixed, so that the figures of several trainings show the same
        noise.

    Raises
    ------
    ValueError
        At the start of a training, if a parameter is not allowed, or the images are not like those
        of the training or cannot be shown.

    Warns
    -----
    UserWarning
        Once, if a figure cannot be drawn or written, as on a full disk. The training goes on.

    Notes
    -----
    A file has its name only when it is complete. So a training that is killed leaves the PNGs of
    all its epochs, or a GIF of more than half of them. Until then the memory holds the frames of a
    GIF as compressed as they are in the file.

    A training of fewer than 100 steps ends with new statistics of batch normalisation, which the
    last figure does not have yet.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cae import DenoisingCAE
    >>> from sklearn_cae.callbacks import ReconstructionSnapshots
    >>> X = load_digits().images / 16
    >>> folder = tempfile.mkdtemp()
    >>> snapshots = ReconstructionSnapshots(X[200:204], every=5, path=folder)
    >>> cae = DenoisingCAE("unet", max_epochs=10, callbacks=[snapshots], random_state=0)
    >>> cae = cae.fit(X[:200])
    >>> sorted(os.listdir(folder))
    ['epoch_0005.png', 'epoch_0010.png']
    """

    _parameter_constraints = {
        "X_clean": "no_validation",  # errors of their own
        "every": [Interval(Integral, 1, None, closed="left")],
        "path": [str, os.PathLike, None],
        "show": [one_of("auto"), "boolean"],
        "noise": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        X_clean: ArrayLike,
        *,
        every: int = 1,
        path: str | os.PathLike[str] | None = None,
        show: bool | str = "auto",
        noise: NoiseModel | str | Sequence[NoiseModel | str] | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ):
        self.X_clean = X_clean
        self.every = every
        self.path = path
        self.show = show
        self.noise = noise
        self.random_state = random_state

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Corrupt the images as the training images ``X`` are."""
        self._check_params()
        self.spec_, self.limits_, self.hides_ = X.spec, X.limits, X.hides
        self.clean_, self.noisy_ = self._pairs(X, net.module_.fixed_size)
        noise = self._unit(self.noisy_) - self._unit(self.clean_)
        self.error_limit_ = ERROR_STDS * float(np.sqrt(np.square(noise).mean())) or 1.0
        # Training that goes on goes on with its animation.
        if not net.history or not hasattr(self, "frames_"):
            self.frames_, self.has_warned_ = [], False
        self.handle_ = None

    def on_epoch_end(self, net, **kwargs):
        """Draw what the net makes of the images."""
        epoch = len(net.history)
        if epoch % self.every == 0 and net.processes.is_first:
            with self._no_harm(f"epoch {epoch}"):
                png = self._draw(net, epoch)
                self._show(png)
                self._keep(png, epoch)

    def on_train_end(self, net, **kwargs):
        """Write the animation."""
        if self.path is not None and self.frames_:
            with self._no_harm("the animation"):
                self._write_animation(Path(self.path))

    @contextmanager
    def _no_harm(self, what):
        """Turn an error into a warning, the first time: a training is worth more than a figure."""
        try:
            yield
        except Exception as error:
            if not self.has_warned_:
                self.has_warned_ = True
                warn_user(
                    f"ReconstructionSnapshots could not show {what}: {error!r}. The training goes "
                    f"on, and so do attempts to show it; path={self.path!r} may need space or "
                    "another place."
                )

    def _check_params(self):
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(deep=False), type(self).__name__
        )
        if self.show is True and not _in_notebook():
            raise ValueError("show=True, but this is not a notebook. Set show='auto' and path.")
        if self.path is None and not self._is_shown():
            warn_user(
                "ReconstructionSnapshots shows nothing, because this is not a notebook. Set path "
                "to the name of a folder or of a .gif file."
            )

    def _is_shown(self):
        return bool(self.show) and _in_notebook()

    def _pairs(self, train_images, fixed_size):
        """Clean and noisy images (n, H, W, C) in the units of the training images."""
        spec = train_images.spec
        noisy, clean, _ = split_targets(self.X_clean, None)
        source = read_images(clean, name="X_clean")
        check_units(source, spec, reference="the training images")
        if spec.fixed:
            check_within_range(source, spec.data_range)
        view = view_of_size if fixed_size else to_channels_last
        images = view(source, spec)
        check_channels(images)
        if noisy is not None:
            return images, view(read_images(noisy, name="X_clean"), spec)
        noise = self._noise(train_images)
        seed = resolve_seed(self.random_state)
        return images, corrupt_images(images, noise, seed, spec)

    def _noise(self, train_images):
        noise = train_images.noise if self.noise is None else self.noise
        if noise is None:
            raise ValueError(
                "The training images came with noise of their own. Give noise, or NoisyImages as "
                "X_clean, to ReconstructionSnapshots."
            )
        return resolve_noise(noise)

    def _unit(self, images):
        return to_array(images, self.spec_.data_range)

    def _draw(self, net, epoch):
        """PNG of the figure of an epoch."""
        import matplotlib.pyplot as plt

        # skorch sets the mode anew in each step.
        module = net.module_.eval()
        runner = Runner(module, self.spec_, net.device, self.limits_, hidden=self.hides_)
        denoised = runner.denoise(self.noisy_)
        display = DenoisingDisplay(
            clean=self._unit(self.clean_),
            noisy=self._unit(self.noisy_),
            denoised=self._unit(denoised),
        )
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
        path = Path(self.path)
        if path.suffix == ".gif":
            self.frames_.append(_gif_frame(png))
            # Writing at each power of two, all in all, writes each frame about twice.
            if len(self.frames_).bit_count() == 1:
                self._write_animation(path)
        else:
            _write_whole(path / f"epoch_{epoch:04d}.png", [png])

    def _write_animation(self, path):
        _write_whole(path, _gif(self.frames_))

    def __getstate__(self):
        # Figures and the notebook's handle stay behind.
        return self.get_params(deep=False)


def _write_whole(path, parts):
    """Write a file whole, or leave the one of that name as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with open(part, "xb") as file:
            file.writelines(parts)
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.remove(part)
        raise


def _gif_frame(png):
    """Size, and image block with a colour table of its own, of an image as a GIF holds it."""
    from PIL import GifImagePlugin, Image

    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(256)
    return image.size, b"".join(GifImagePlugin.getdata(image, include_color_table=True))


def _gif(frames):
    """Parts of a file of GIF89a that shows frames in a loop, the last one for longer.

    Pillow would hold all frames unpacked to write them.
    """
    (width, height), _ = frames[0]
    yield b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0)
    # The application extension of Netscape: begin again without end.
    yield b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", 0, 0)
    for i, (_, block) in enumerate(frames, start=1):
        hundredths = (FRAME_MS if i < len(frames) else LAST_FRAME_MS) // 10
        # The graphic control extension tells how long the next image stays.
        yield b"\x21\xf9\x04" + struct.pack("<BHBB", 0, hundredths, 0, 0) + block
    yield b";"


def _in_notebook():
    """Whether this is a Jupyter kernel; IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
