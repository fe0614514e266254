"""In what a network computes: float32, or bfloat16 where it multiplies."""

import torch


def computing_in(precision, device):
    """Context in which convolutions and linear layers compute in "float32" or "bfloat16".

    Weights stay float32, and so do statistics and losses; what a network gives has to be brought
    back to float32.
    """
    kind = torch.device(device).type
    enabled = precision == "bfloat16"
    # Torch keeps rounded weights until the outermost such context ends, which may be the caller's,
    # around many steps.
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=enabled, cache_enabled=False)
