"""What a network learns from: its losses."""

from ._losses import LOSSES, LossSpec, PerceptualLoss, resolve_loss

__all__ = ["LOSSES", "LossSpec", "PerceptualLoss", "resolve_loss"]
