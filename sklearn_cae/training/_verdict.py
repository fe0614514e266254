"""Whether a trained network makes images better, as far as the images at hand can tell."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._warnings import warn_user
from ..metrics import PSNR_CAP

# Fewer images than these do not tell by their mean alone: on photographs the gain differs by 4 dB
# from patch to patch.
FEW = 10
# Share of the gain on the training images that a single other image has to keep. Networks that know
# five images by heart kept a tenth and made other photographs worse; useful ones kept a quarter.
MIN_KEPT = 0.2


def warn_of_harm(net, train_images, valid_images, *, cure):
    """Warn, with both PSNR and the cure, if a trained net makes images worse, or perhaps does."""
    harm = harm_of(net, train_images, valid_images)
    if harm:
        warn_user(f"The network {harm}. {cure}", ConvergenceWarning)


def harm_of(net, train_images, valid_images):
    """Say, in a clause with both PSNR, that a trained net makes images worse, or perhaps does.

    Parameters
    ----------
    net : DenoisingNet
        The trained net.
    train_images, valid_images : TrainingImages
        What it was trained on and what was held out, ``None`` for nothing.

    Returns
    -------
    harm : str or None
        ``None`` if images become better, if they hold no noise, or if there are no clean ones.
    """
    if not train_images.clean_targets:
        return None
    images, name = (valid_images, "validation") if valid_images else (train_images, "training")
    denoised, noisy = net.quality(images)
    gain = (denoised - noisy).mean()
    if noisy.mean() >= PSNR_CAP:
        return None
    figures = f"PSNR {denoised.mean():.1f} dB, {noisy.mean():.1f} dB before"
    if gain < 0:
        return f"makes its {name} images worse: {figures}"
    doubt = _doubt(net, train_images, denoised - noisy, len(images)) if valid_images else None
    return (
        doubt and f"may make images worse: on {len(images)} validation image(s) {figures}, {doubt}"
    )


def _doubt(net, train_images, gains, n_images):
    """Why the gains of few images may be chance, ``None`` if they are not."""
    gain = gains.mean()
    if n_images == 1:
        denoised, noisy = net.quality(train_images)
        known = (denoised - noisy).mean()
        forgets = gain < MIN_KEPT * known
        return f"a gain far below the {known:.1f} dB on its training images" if forgets else None
    error = gains.std(ddof=1) / np.sqrt(n_images)
    uncertain = n_images < FEW and gain < error
    return f"a gain with a standard error of {error:.1f} dB" if uncertain else None
