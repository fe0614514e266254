"""From what users give to ``fit`` to the images that a network is trained on."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from .._warnings import warn_user
from ..images import (
    ImageSequence,
    NoisyImages,
    check_images,
    check_range,
    check_same_shape,
    check_units,
    check_within_range,
    is_collection,
    is_image_list,
    is_read_by_number,
    is_target,
    learn_images,
    learn_sequence_spec,
    learn_spec,
    read_images,
    read_sequence,
    sequence_to_channels_last,
    shapes_of,
    split_targets,
    to_channels_last,
    view_of_size,
    windowed,
)
from ..noise import (
    noise_of,
    resolve_noise,
    std_of_clean,
    warn_if_correlated,
    warn_if_unlike,
)
from ._patches import PatchedPictures, Patches, Pictures
from ._recorrupted import RecorruptedImages
from ._self_supervised import MaskedImages, NeighborImages
from ._targets import CorruptedImages, ImagePairs, NoisyPairs, limits_of

# Fitted attributes that scikit-learn learns of the columns of X.
COLUMNS = ("n_features_in_", "feature_names_in_")
# What is learned from noisy images alone, by the name of the target.
SELF_SUPERVISED: dict[str, Any] = {
    "neighbor": NeighborImages,
    "masked": MaskedImages,
    "recorrupted": RecorruptedImages,
}
TARGETS = ("clean", "noisy", *SELF_SUPERVISED)
# Pixels from which on whole images are too large to be trained on.
LARGE_IMAGE = 512 * 512


@dataclass(frozen=True)
class TrainingReader:
    """How to read training images: the choices of the user.

    Attributes
    ----------
    target, noise, patches, image_shape, channel_axis, data_range
        As in :class:`~sklearn_cae.DenoisingCAE`.
    fitted : DenoisingCAE or None
        The estimator whose training goes on; ``None`` for a new one.
    warns : bool
        Whether to warn of noise in images that are taken for clean.
    """

    target: str
    noise: Any
    patches: Patches | None
    image_shape: Any
    channel_axis: int
    data_range: Any
    fitted: Any = None
    warns: bool = False

    def read(self, X, y):
        """Validate X and y.

        Returns
        -------
        images : TrainingImages
            What to train on.
        learned : dict
            The fitted attributes that X and y tell.
        """
        if self.target in SELF_SUPERVISED:
            return self._read_noisy(X, y)
        if self.target == "noisy":
            return self._read_takes(X, y)
        noisy, clean, brought = split_targets(X, y)
        if noisy is not None and self.noise is not None:
            raise ValueError(
                f"X comes with noise of its own, so noise={self.noise!r} would be ignored. Leave "
                "noise=None, or fit on clean images."
            )
        noise = resolve_noise(self.noise) if brought is None else brought
        if noisy is None or brought is not None:
            source, columns = self._read_first(clean)
            spec = self._spec(source)
            pictures = self._pictures(spec, source)
            noise.check_images(*pictures.shape)
            self._check_upright(noise, self._cut_patches(source))
            if self.warns:
                _warn_of_noise("X", std_of_clean(pictures.stacks[0], spec, noise))
            return CorruptedImages(pictures, spec, noise), self._learned(columns, spec, noise)
        first, columns = self._read_first(noisy)
        source = self._read_again(clean, first)
        check_same_shape(first, source)
        spec = self._spec(source)
        check_units(first, spec, reference="the clean images")
        pictures = self._pictures(spec, first, source)
        if self.warns:
            _warn_of_noise("y", std_of_clean(pictures.stacks[1], spec, None))
        images = ImagePairs(pictures, spec, limits_of(spec, first))
        return images, self._learned(columns, spec, None)

    def _check_upright(self, noise, patches):
        """Refuse to have an orientation restored that the training images have lost."""
        if noise.reorients and patches is not None and patches.augment:
            raise ValueError(
                f"noise={noise!r} turns or mirrors images so that a network learns how they were, "
                f"but {patches!r} turn and mirror them before. Take Patches(…, augment=False)."
            )

    def _read_takes(self, X, y):
        """Two noisy takes of the same images."""
        self._check_no_noise()
        if not is_target(X, y) or isinstance(X, NoisyImages):
            raise ValueError(
                "target='noisy' learns from two noisy takes of the same images: fit(A, B), two "
                "arrays or lists of the same shapes. For single takes use target='neighbor'."
            )
        first, columns = self._read_first(X)
        second = self._read_again(y, first)
        check_same_shape(first, second)
        spec = self._spec(first, noisy=True)
        check_units(second, spec, reference="those of X")
        images = NoisyPairs(
            self._pictures(spec, first, second), spec, limits_of(spec, first, second)
        )
        return images, self._learned(columns, spec, None)

    def _check_no_noise(self):
        if self.noise is not None:
            raise ValueError(
                f"target={self.target!r} learns from noisy images as they are, so "
                f"noise={self.noise!r} would be ignored. Leave noise=None, or take target='clean'."
            )

    def _read_noisy(self, X, y):
        data_set = SELF_SUPERVISED[self.target]
        if not data_set.knows_noise:
            self._check_no_noise()
        if is_target(X, y) or isinstance(X, NoisyImages):
            raise ValueError(
                f"target={self.target!r} learns from noisy images alone, but clean ones are given "
                "too. Take target='clean', or call fit(X) without y. If X is NoisyImages, pass "
                "np.asarray(X)."
            )
        source, columns = self._read_first(X)
        spec = self._spec(source, noisy=True)
        pictures = self._pictures(spec, source)
        self._check_large_enough(pictures.stacks[0], self._cut_patches(source), data_set.min_size)
        warn_if_correlated(pictures.stacks[0], spec)
        known = {}
        if data_set.knows_noise:
            known["noise"] = self._noise_within(source, spec, pictures.stacks[0])
        images = data_set(pictures, spec, limits_of(spec, source), **known)
        return images, self._learned(columns, spec, images.noise)

    def _noise_within(self, source, spec, images):
        """The noise that images hold: told, or estimated."""
        if self.noise is not None:
            noise, origin = resolve_noise(self.noise), f"noise={self.noise!r}"
        else:
            noise = _estimated(source, spec, images)
            origin = f"{source.name} seems to hold {noise!r}"
        if noise.std_at(torch.zeros(1, 1, 1, 1)) is None:
            raise ValueError(
                "target='recorrupted' needs images with noise of one known level, but "
                f"{origin}. Set noise to the GaussianNoise(std), PoissonNoise(peak) or "
                "PoissonGaussianNoise(gain, offset, read_std) that the images hold, with numbers, "
                "or take target='neighbor', which need not know the noise."
            )
        if self.noise is not None:
            warn_if_unlike(images, spec, noise)
        return noise

    def _check_large_enough(self, images, patches, size):
        needed = f"{size} x {size} pixels at least"
        if patches is not None and patches.size < size:
            raise ValueError(
                f"target={self.target!r} needs patches of {needed}, but patches={patches!r}."
            )
        one_size = hasattr(images, "shape")
        sizes = [images.shape[1:3]] if one_size else [shape[:2] for shape in shapes_of(images)]
        smallest = min(map(min, sizes))
        if smallest < size:
            raise ValueError(
                f"target={self.target!r} needs images of {needed}, but X has {smallest} along one "
                "axis."
            )

    def _learned(self, columns, spec, noise):
        n_features = spec.height * spec.width * spec.n_channels
        learned = {"image_spec_": spec, "noise_": noise, "target_": self.target}
        return columns | learned | {"n_features_in_": n_features}

    def _read_first(self, X):
        """Validate what has the columns of X: its source, and these as fitted attributes."""
        if is_image_list(X) and self._needs_sequence(X):
            source = read_sequence(X)
            whole = self.patches is None and source.can_be_stacked
            return source.stacked() if whole else source, self._fitted_columns()
        if self.fitted is None:
            return learn_images(X, lazy=True)
        return check_images(self.fitted, X, lazy=True), self._fitted_columns()

    def _needs_sequence(self, X):
        if self.patches is not None or is_collection(X):
            return True
        # np.shape also of what is no array, which is refused later.
        return len({np.shape(image) for image in X}) > 1

    def _read_again(self, clean, first):
        """Validate the clean images of noisy ones: in a list, if these are in one."""
        if isinstance(first, ImageSequence):
            listed = is_image_list(clean) or is_read_by_number(clean)
            return read_sequence(clean if listed else list(clean), name="y")
        return read_images(clean, name="y", lazy=True)

    def _fitted_columns(self):
        known = {} if self.fitted is None else vars(self.fitted)
        return {name: known[name] for name in COLUMNS if name in known}

    def _spec(self, source, *, noisy=False):
        """Layout and units: learned, or those of the fitted estimator, which images must have."""
        if self.fitted is not None:
            spec = self.fitted.image_spec_
            self._check_range_kept(spec)
            self._check_patches_fit(self._cut_patches(source), spec)
            check_units(source, spec)
            if spec.fixed and not noisy:
                check_within_range(source, spec.data_range)
            return spec
        patches = self._cut_patches(source)
        options = {
            "channel_axis": self.channel_axis,
            "data_range": self.data_range,
            "noisy": noisy,
        }
        if isinstance(source, ImageSequence):
            self._check_no_image_shape()
            return learn_sequence_spec(source, patches.size, **options)
        spec = learn_spec(source, image_shape=self.image_shape, **options)
        return spec if patches is None else replace(spec, height=patches.size, width=patches.size)

    def _check_no_image_shape(self):
        if self.image_shape is not None:
            raise ValueError(
                f"image_shape={self.image_shape!r} tells the shape of rows, but X is a list of "
                "images. Leave image_shape=None."
            )

    def _check_range_kept(self, spec):
        """Refuse another data range than the one that the fitted network has learned in."""
        if self.data_range != "auto" and check_range(self.data_range) != spec.data_range:
            raise ValueError(
                f"data_range={self.data_range!r}, but the fitted network has learned in the range "
                f"{spec.data_range}, which stays. Set it back, open a pretrained network with "
                "from_pretrained(name, data_range=...), or make a new estimator "
                "(sklearn.base.clone)."
            )

    def _check_patches_fit(self, patches, spec):
        """Refuse patches of another size than the one that the fitted network takes."""
        size = (spec.height, spec.width)
        one_size = self.fitted.net_.module_.fixed_size
        if one_size and patches is not None and size != (patches.size, patches.size):
            raise ValueError(
                f"Patches have {patches.size} x {patches.size} pixels, but the fitted network "
                f"takes {size[0]} x {size[1]} only. Give patches or images of its size, or make a "
                "new estimator (sklearn.base.clone)."
            )

    def _cut_patches(self, source):
        """The patches that are cut of the images, ``None`` for whole ones."""
        if self.patches is None:
            return Patches() if isinstance(source, ImageSequence) else None
        if source.ndim == 2:
            raise ValueError(
                f"patches={self.patches!r}, but {source.name} holds rows of values. Give images: "
                f"{source.name}.reshape(-1, H, W) or (-1, H, W, C)."
            )
        return self.patches

    def _pictures(self, spec, *sources):
        stacks = windowed(tuple(self._view(source, spec) for source in sources))
        patches = self._cut_patches(sources[0])
        if patches is not None:
            return PatchedPictures(stacks, patches)
        pictures = Pictures(stacks)
        _warn_of_size(sources[0].name, *pictures.shape[:2])
        return pictures

    def _view(self, source, spec):
        if isinstance(source, ImageSequence):
            return sequence_to_channels_last(source, spec)
        fixed_size = self.fitted is not None and self.fitted.net_.module_.fixed_size
        one_size = fixed_size and self._cut_patches(source) is None
        return (view_of_size if one_size else to_channels_last)(source, spec)


def _estimated(source, spec, images):
    try:
        return noise_of(source, spec, images)
    except ValueError as error:
        raise ValueError(
            f"target='recorrupted' has to know the noise, which cannot be estimated here: {error} "
            "Or tell it: noise=GaussianNoise(std)."
        ) from error


def _warn_of_size(name, height, width):
    if height * width > LARGE_IMAGE:
        warn_user(
            f"{name} has images of {height} x {width} pixels, and each step of the training takes "
            "whole ones: that takes gigabytes of memory, and few steps. Set patches=Patches(64) to "
            "learn from parts of them, or make them smaller if it is the whole that counts."
        )


def _warn_of_noise(name, std):
    if std is None:
        return
    cures = {
        "X": (
            "The network learns to keep such noise. Without clean images set target='neighbor' and "
            "noise=None; with them call fit(X_noisy, X_clean)."
        ),
        "y": (
            "PSNR against noisy images does not tell what is gained. If X and y are two noisy "
            "takes of the same images, set target='noisy'."
        ),
    }
    warn_user(
        f"{name} is taken for clean images, but looks noisy: in flat places its pixels have a "
        f"standard deviation of {std:.2f} of the data range, independently of their neighbours. "
        f"{cures[name]} If {name} is clean, this may be ignored."
    )
