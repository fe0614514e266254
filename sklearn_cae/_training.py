"""The skorch net that trains a denoiser: whole batches, fresh noise, loss and step.

The scikit-learn contract is not here but in :class:`~sklearn_cae.DenoisingCAE`.
"""

from inspect import signature
from threading import Lock

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, LRScheduler, PassthroughScoring
from skorch.helper import predefined_split
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR
from torch.utils.data import Dataset

from ._images import to_unit
from ._random import derived_seed, generator_on
from ._vgg16 import PerceptualLoss

LOSSES = {"mse": nn.MSELoss, "bce": nn.BCELoss, "l1": nn.L1Loss, "vgg": PerceptualLoss}
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
_GLOBAL_GENERATOR = Lock()
LR_SCHEDULES = ("one_cycle", "cosine", "constant")

SPLIT_STREAM, SHUFFLE_STREAM, NOISE_STREAM, VALID_STREAM = range(4)


class ImagePairs(Dataset):
    """Clean images in their own dtype and, where the user brought them, noisy ones.

    Parameters
    ----------
    clean : ndarray of shape (n, H, W, C)
        All clean images.
    noisy : ndarray of shape (n, H, W, C) or None
        Noisy images; ``None`` where noise is drawn.
    data_range : tuple of float
        Values of black and white.
    rows : ndarray of int, default=None
        Which of the images belong to this data set; ``None`` for all.
    """

    def __init__(self, clean, noisy, data_range, rows=None):
        self.clean = clean
        self.noisy = noisy
        self.data_range = data_range
        self.rows = np.arange(len(clean)) if rows is None else rows

    def __len__(self):
        return len(self.rows)

    def split(self, validation_fraction, seed):
        """Split at random into images to train on and images to validate with, None if too few."""
        order = np.random.default_rng(derived_seed(seed, SPLIT_STREAM)).permutation(self.rows)
        n_valid = int(len(self) * validation_fraction)
        train, valid = np.sort(order[n_valid:]), np.sort(order[:n_valid])
        return self._select(train), self._select(valid) if n_valid else None

    def _select(self, rows):
        return ImagePairs(self.clean, self.noisy, self.data_range, rows)

    def batch(self, rows, device):
        """Noisy (or None) and clean images of some rows as tensors (n, C, H, W) in [0, 1]."""
        # Binary cross-entropy refuses targets that rounding puts above white.
        clean = to_unit(self.clean[rows], self.data_range, device).clamp_(0, 1)
        if self.noisy is None:
            return None, clean
        return to_unit(self.noisy[rows], self.data_range, device), clean

    def corrupt(self, clean, noise, generator):
        """Corrupt a batch as it will come to ``predict``: integer images hold whole levels.

        Without the rounding a network learns to undo blur by differences that integers lose.
        """
        noisy = noise.corrupt(clean, generator)
        if noise.clip and np.issubdtype(self.clean.dtype, np.integer):
            width = self.data_range[1] - self.data_range[0]
            noisy = noisy.mul(width).round_().div_(width)
        return noisy


class BatchIterator:
    """Whole batches of pairs; noise is drawn for each batch on the device.

    Parameters
    ----------
    pairs : ImagePairs
        The images.
    batch_size : int
        Largest number of images in a batch. All batches are about equally large, and none holds a
        single image: batch normalisation of a code of one pixel needs two.
    noise : NoiseModel
        Corrupts the clean images of pairs without noisy ones.
    device : str
        Device of the batches.
    seeds : callable
        Gives, at the start of an epoch, the seed of the order and that of the noise. An order
        seed of ``None`` keeps the order of the images.
    """

    def __init__(self, pairs, batch_size, *, noise, device, seeds):
        self.pairs = pairs
        self.n_batches = count_batches(len(pairs), batch_size)
        self.noise = noise
        self.device = device
        self.seeds = seeds

    def __iter__(self):
        order_seed, noise_seed = self.seeds()
        rows = self.pairs.rows
        if len(rows) == 1:
            rows = rows.repeat(2)
        if order_seed is not None:
            rows = np.random.default_rng(order_seed).permutation(rows)
        generator = generator_on(self.device, noise_seed)
        for batch_rows in np.array_split(rows, self.n_batches):
            noisy, clean = self.pairs.batch(batch_rows, self.device)
            if noisy is None:
                noisy = self.pairs.corrupt(clean, self.noise, generator)
            yield noisy, clean


def count_batches(n_images, batch_size):
    """Number of batches in an epoch of :class:`BatchIterator`."""
    return max(1, min(-(-n_images // batch_size), n_images // 2))


class DenoisingNet(NeuralNet):
    """skorch net fed by :class:`BatchIterator`, which records the validation PSNR.

    Parameters
    ----------
    module : type
        The network.
    noise : NoiseModel
        Drawn anew for each batch.
    seed : int
        Seed of the order of the images and of the noise.
    **kwargs
        Parameters of :class:`skorch.NeuralNet`.
    """

    def __init__(self, module, *args, noise=None, seed=0, **kwargs):
        self.noise = noise
        self.seed = seed
        super().__init__(module, *args, **kwargs)

    @property
    def _default_callbacks(self):
        return [
            *(item for item in super()._default_callbacks if item[0] != "print_log"),
            ("valid_psnr", PassthroughScoring("valid_psnr", lower_is_better=False)),
        ]

    def get_all_learnable_params(self):
        """Names and parameters that are trained: frozen ones are no matter of the optimizer."""
        return (
            (name, parameter)
            for name, parameter in super().get_all_learnable_params()
            if parameter.requires_grad
        )

    def get_iterator(self, dataset, training=False):
        """Batches of an epoch: reshuffled with fresh noise to train, fixed to validate."""
        seeds = self._training_seeds if training else self._validation_seeds
        return BatchIterator(
            dataset, self.batch_size, noise=self.noise, device=self.device, seeds=seeds
        )

    def _training_seeds(self):
        epoch = len(self.history)
        return (
            derived_seed(self.seed, SHUFFLE_STREAM, epoch),
            derived_seed(self.seed, NOISE_STREAM, epoch),
        )

    def _validation_seeds(self):
        return None, derived_seed(self.seed, VALID_STREAM)

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        """Compute the loss, and stop with an error when training has diverged."""
        # Binary cross-entropy refuses NaN in words of its own.
        self._check_finite(y_pred)
        loss = super().get_loss(y_pred, y_true, *args, **kwargs)
        self._check_finite(loss)
        return loss

    def _check_finite(self, values):
        wrong = values[~torch.isfinite(values)]
        if len(wrong):
            raise ValueError(
                f"The training loss became {wrong[0].item()} in epoch {len(self.history)}. "
                f"Lower lr={self.lr:g}, or use normalization='batch'."
            )

    def validation_step(self, batch, **fit_params):
        """Compute the loss and the mean PSNR of a batch, at most 100 dB for each image."""
        step = super().validation_step(batch, **fit_params)
        mse = (step["y_pred"].clamp(0, 1) - batch[1]).square().mean(dim=(1, 2, 3))
        psnr = -10 * torch.log10(mse.clamp(min=1e-10))
        self.history.record_batch("valid_psnr", psnr.mean().item())
        return step


def lr_callbacks(schedule, optimizer, *, max_lr, n_steps):
    """Skorch callbacks of a learning-rate schedule over a known number of steps."""
    if schedule == "constant":
        return []
    if schedule == "cosine":
        policy = {"policy": CosineAnnealingLR, "T_max": n_steps}
    else:
        policy = {
            "policy": OneCycleLR,
            "max_lr": max_lr,
            # One step at least before and after the peak.
            "total_steps": max(2, n_steps),
            "cycle_momentum": bool({"momentum", "betas"} & signature(optimizer).parameters.keys()),
        }
    return [
        ("lr_schedule", LRScheduler(step_every="batch", last_epoch=-1, event_name=None, **policy))
    ]


def early_stopping_callbacks(patience, verbose):
    """Skorch callbacks that stop when the validation loss stalls and restore the best epoch."""
    stopping = EarlyStopping(
        monitor="valid_loss",
        patience=patience,
        load_best=True,
        sink=_print_above_bar if verbose else print,
    )
    return [("early_stopping", stopping)]


def _print_above_bar(text):
    from tqdm.auto import tqdm

    tqdm.write(text)


class EpochProgress(Callback):
    """A progress bar over epochs with losses and validation PSNR."""

    def on_train_begin(self, net, **kwargs):
        from tqdm.auto import tqdm

        self.bar = tqdm(total=net.max_epochs, unit="epoch")

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        shown = ("train_loss", "valid_loss", "valid_psnr")
        self.bar.set_postfix({key: f"{epoch[key]:.4g}" for key in shown if key in epoch})
        self.bar.update()

    def on_train_end(self, net, **kwargs):
        self.close()

    def close(self):
        """Close the bar, as skorch does not tell callbacks of an error."""
        if hasattr(self, "bar"):
            self.bar.close()


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
            f"device={device!r} is not to be had here ({str(error).splitlines()[0]}). Use "
            "device='auto' or 'cpu'."
        ) from error
    return device


def initialize_with_seed(net, seed):
    """Initialise a net's weights from a seed, leaving the global random state alone."""
    # The generator of torch's initialisers is one for all threads.
    with _GLOBAL_GENERATOR, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        net.initialize()
    net.module_.to(memory_format=torch.channels_last)
    return net


def train(net, train_pairs, valid_pairs):
    """Run the epochs of an initialised net; keeps weights and history it already has.

    Raises
    ------
    ValueError
        If the loss or a weight is no longer a finite number.
    """
    net.train_split = predefined_split(valid_pairs) if valid_pairs else None
    try:
        net.partial_fit(train_pairs)
    finally:
        _close_progress(net)
    if not all(torch.isfinite(p).all() for p in net.module_.state_dict().values()):
        raise ValueError(f"Weights became infinite in training. Lower lr={net.lr:g}.")


def _close_progress(net):
    for _, callback in net.callbacks_:
        if isinstance(callback, EpochProgress):
            callback.close()
