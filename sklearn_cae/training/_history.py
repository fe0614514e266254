"""The record of a training as arrays."""

import numpy as np

# Columns of skorch's history by their names in `DenoisingCAE.history_`.
CURVES = {
    "train_loss": "train_loss",
    "valid_loss": "valid_loss",
    "valid_psnr": "valid_psnr",
    "noisy_psnr": "noisy_psnr",
    "dur": "duration",
}
# Of any training, even of no epochs.
ALWAYS = ("train_loss", "dur")


def epoch_curves(history):
    """Columns of a skorch history by the names of ``history_``."""
    # Epochs of partial_fit and of fit with images to validate differ in their columns.
    return {
        name: np.array([epoch.get(key, np.nan) for epoch in history])
        for key, name in CURVES.items()
        if key in ALWAYS or any(key in epoch for epoch in history)
    }
