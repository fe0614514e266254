"""Learning from noisy images alone whose noise is known: more of it is added, and taken off."""

from ..noise import draw_level, draw_normal
from ._batch import Batch, Target
from ._self_supervised import NoisyTargets

# Size of the added noise, that of the images being 1, drawn for each image: strong noise leaves
# little in the target, weak noise makes inputs that are as noisy as those to denoise.
STRENGTH = (0.4, 1.2)


class RecorruptedImages(NoisyTargets):
    r"""Inputs with more noise, and targets from which as much was taken off.

    Noisy images :math:`y`, whose noise has the standard deviation :math:`\sigma`, give the input
    :math:`y + \tau\sigma n` and the target :math:`y - \sigma n / \tau` with
    :math:`n \sim N(0, 1)`. The noise of the two is uncorrelated, so the target is as good as a
    clean one on average: T. Pang, H. Zheng, Y. Quan, H. Ji, "Recorrupted-to-Recorrupted:
    unsupervised deep learning for image denoising", CVPR 2021. Here :math:`\tau` is drawn, and
    images are denoised as they are, in one pass.

    Parameters are those of :class:`NoisyTargets`, and ``noise``, the :class:`NoiseModel` of the
    images, which knows its standard deviation at each brightness.
    """

    min_size = 1
    knows_noise = True
    bounded_targets = False

    def __init__(self, pictures, spec, limits, noise):
        super().__init__(pictures, spec, limits)
        self.noise = noise

    def _hide(self, noisy, generator):
        strength = draw_level(STRENGTH, noisy, generator)
        added = self.noise.std_at(noisy) * draw_normal(noisy, generator)
        return Batch(noisy + strength * added, Target(noisy - added / strength))
