"""Pictures of denoisers and codes, by the Display convention of scikit-learn."""

from ._denoising import DenoisingDisplay

__all__ = ["DenoisingDisplay"]
