"""Devices of torch."""

import torch


def resolve_device(device):
    """Name of the device: "auto" is CUDA, else MPS, else CPU."""
    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device={device!r} is not available here ({str(error).splitlines()[0]}). Use "
            "device='auto' or 'cpu'."
        ) from error
    return device
