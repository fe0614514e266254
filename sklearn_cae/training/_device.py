"""Devices of torch."""

import torch


def resolve_device(device):
    """Name of the device: "auto" is CUDA, else MPS, else CPU; a ValueError if it cannot compute."""
    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        _compute_on(device)
    except (RuntimeError, AssertionError) as error:
        cause = str(error).splitlines()[0].partition(". ")[0]
        raise ValueError(
            f"device={device!r} is not available here ({cause}). Use device='auto' or 'cpu'."
        ) from error
    return device


def computes_apart(device):
    """Whether a device computes beside the CPU, which waits for it to read a number."""
    return torch.device(device).type != "cpu"


def is_cuda(device):
    """Whether threads can send images to a device while it computes."""
    return torch.device(device).type == "cuda"


def _compute_on(device):
    """Draw a number, add to it and read the sum, as a training does."""
    generator = torch.Generator(device).manual_seed(0)
    (torch.rand(1, generator=generator, device=device) + 1).cpu()
