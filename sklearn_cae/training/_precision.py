"""In what a training computes."""

import torch

PRECISIONS = ("auto", "float32", "bfloat16")
# Fewer pixels than 16 x 16 gain little: as much time goes into the conversions.
PIXELS_TO_GAIN = 256


def resolve_precision(precision, network, image_size, device):
    """Resolve "auto": bfloat16 where the device computes it and a training gains by it.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        The choice of the user.
    network : NetworkSpec
        The network, which says whether it learns as well in bfloat16.
    image_size : tuple of int
        Height and width of the training images in pixels.
    device : str
        Name of the device.

    Returns
    -------
    precision : {"float32", "bfloat16"}
        What to train in.
    """
    if precision != "auto":
        return precision
    gains = network.learns_in_bfloat16 and image_size[0] * image_size[1] >= PIXELS_TO_GAIN
    return "bfloat16" if gains and _has_bfloat16(torch.device(device).type) else "float32"


def _has_bfloat16(kind):
    """Whether a kind of device multiplies in bfloat16 by itself."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
