"""In what a network computes: float32, or bfloat16 where it multiplies."""

import torch


def computing_in(precision, device):
    """Context in which convolutions and linear layers compute in "float32" or "bfloat16".

    Weights stay float32, and so do statistics and losses; what a network gives has to be brought
    back to float32.
    """
    kind = torch.device(device).type
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=precision == "bfloat16")
