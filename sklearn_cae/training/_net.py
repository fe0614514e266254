"""The skorch net that trains a denoiser: whole batches, loss and step.

The scikit-learn contract is not here but in :class:`~sklearn_cae.DenoisingCAE`.
"""

import math

import torch
from skorch import NeuralNet
from skorch.callbacks import PassthroughScoring

from .._precision import computing_in
from .._random import derived_seed
from ..metrics import PSNR_CAP
from ._batches import BatchIterator
from ._device import computes_apart
from ._draws import LayerDraws
from ._processes import OneProcess
from ._readings import Readings

# The first stream is that of the split.
SHUFFLE_STREAM, NOISE_STREAM, VALID_STREAM = range(1, 4)
MIN_MSE = 10 ** (-PSNR_CAP / 10)
# Those of torch that take the step of all weights in one call.
FUSED_OPTIMIZERS = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)


class DenoisingNet(NeuralNet):
    """skorch net fed by :class:`BatchIterator`, which records the validation PSNR.

    Parameters
    ----------
    module : torch.nn.Module
        The network, with its initial weights.
    seed : int
        Seed of the order of the images and of the noise.
    limits : tuple of float
        Where images lie, in units of the data range; what goes beyond is clipped for the PSNR.
    clean_targets : bool
        Whether outputs are compared with clean images.
    precision : {"float32", "bfloat16"}
        In what the network computes; losses are float32.
    annealed : bool
        Whether the learning rate has come down in the training so far.
    processes : OneProcess or None
        Who trains; ``None`` is this process alone.
    **kwargs
        Parameters of :class:`skorch.NeuralNet`.

    Attributes
    ----------
    epochs_done : int
        Epochs of this training that an interrupted one has done.
    layer_draws : LayerDraws
        Random numbers for layers that draw.
    """

    def __init__(
        self,
        module,
        *args,
        seed=0,
        limits=(0.0, 1.0),
        clean_targets=True,
        precision="float32",
        annealed=False,
        processes=None,
        **kwargs,
    ):
        self.seed = seed
        self.limits = limits
        self.clean_targets = clean_targets
        self.precision = precision
        self.annealed = annealed
        self.processes = OneProcess() if processes is None else processes
        self.epochs_done = 0
        self.layer_draws = LayerDraws()
        super().__init__(module, *args, **kwargs)

    @property
    def _default_callbacks(self):
        return [
            *(item for item in super()._default_callbacks if item[0] != "print_log"),
            ("valid_psnr", PassthroughScoring("valid_psnr", lower_is_better=False)),
            ("noisy_psnr", PassthroughScoring("noisy_psnr", lower_is_better=False)),
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
        return BatchIterator(dataset, self.batch_size, device=self.device, seeds=seeds)

    def _set_training(self, training=True):
        """Set the mode where it changes, since that goes through all layers."""
        if self.module_.training != training:
            super()._set_training(training)

    def _training_seeds(self):
        epoch = len(self.history)
        self.layer_draws.begin(self, epoch)
        return (
            derived_seed(self.seed, SHUFFLE_STREAM, epoch),
            derived_seed(self.seed, NOISE_STREAM, epoch),
        )

    def _validation_seeds(self):
        self.layer_draws.begin(self)
        return None, derived_seed(self.seed, VALID_STREAM)

    def infer(self, x, **fit_params):
        """Give the network's output in float32, whatever it computes in."""
        with computing_in(self.precision, self.device):
            return super().infer(x, **fit_params).float()

    def initialize_optimizer(self, *args, **kwargs):
        """Make the optimizer, and keep each state that it is given in the layout of its weights."""
        super().initialize_optimizer(*args, **kwargs)
        self.optimizer_.register_load_state_dict_post_hook(_lay_out_as_weights)
        return self

    @property
    def reads_each_step(self):
        """Whether the numbers of a step are read at once.

        Of another device than the CPU they are read once an epoch, since it would be waited for.
        """
        return not computes_apart(self.device)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run the steps of an epoch and record what they measured."""
        if iterator is None:
            return
        readings, n_batches = Readings(), 0
        for batch in iterator:
            n_batches += 1
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            self.history.record_batch(f"{prefix}_batch_size", len(batch.input))
            measured = {f"{prefix}_loss": step["loss"].detach(), **step.get("psnr", {})}
            readings.add(self.history[-1]["batches"][-1], measured)
            if self.reads_each_step:
                readings.read()
            self.notify("on_batch_end", batch=batch, training=training, **step)
        readings.read()
        self.history.record(f"{prefix}_batch_count", n_batches)

    def get_loss(self, y_pred, y_true, *args, **kwargs):
        """Compute the loss, and stop with an error when training has diverged."""
        if isinstance(self.criterion_, torch.nn.BCELoss):
            y_pred = self._without_nan(y_pred)
        loss = y_true.loss(self.criterion_, y_pred)
        if loss.numel() != 1:
            raise ValueError(
                f"The loss {self.criterion_!r} gives a tensor of shape {tuple(loss.shape)}, but "
                "one number is needed: take its mean (reduction='mean')."
            )
        if self.reads_each_step:
            self._check_finite(loss)
        return loss

    def _without_nan(self, y_pred):
        """Give outputs to binary cross-entropy, which refuses NaN in words of its own."""
        if self.reads_each_step:
            self._check_finite(y_pred)
            return y_pred
        # On a GPU it would end the program. The weights are judged after the training.
        return y_pred.nan_to_num(0.5)

    def on_epoch_end(self, net, **kwargs):
        """Stop with an error when training has diverged in this epoch."""
        losses = self.history[-1, "batches", :, "train_loss"]
        self._check_finite(torch.tensor(losses, device="cpu"))
        super().on_epoch_end(net, **kwargs)

    def _check_finite(self, values):
        if not math.isfinite(total := values.sum().item()):
            raise ValueError(
                f"The training loss became {total} in epoch {len(self.history)}. "
                f"Lower lr={self.lr:g}, or use a network with batch normalisation."
            )

    def train_step_single(self, batch, **fit_params):
        """Compute gradients and loss of a batch, of which this process takes its share."""
        with self.layer_draws.of_step(self.device), self.processes.joined_batch_norm():
            step = super().train_step_single(self.processes.share(batch), **fit_params)
        step["loss"] = self.processes.join_gradients(self.module_.parameters(), step["loss"])
        return step

    def validation_step(self, batch, **fit_params):
        """Compute the loss of a batch, and the mean PSNR of its output and of its noisy images.

        There is no PSNR where the targets are noisy.
        """
        own = self.processes.share(batch)
        with self.layer_draws.of_step(self.device):
            step = super().validation_step(own, **fit_params)
        step["loss"] = self.processes.total(step["loss"])
        if self.clean_targets:
            compared = {"valid_psnr": step["y_pred"], "noisy_psnr": own.input}
            step["psnr"] = {
                name: self.processes.mean(self._psnr(images, own.target.images))
                for name, images in compared.items()
            }
        return step

    def _psnr(self, images, target):
        """PSNR of each image in dB."""
        mse = (images.clamp(*self.limits) - target).square().mean(dim=(1, 2, 3))
        return -10 * torch.log10(mse.clamp(min=MIN_MSE))

    def quality(self, images):
        """PSNR in dB of each denoised and each noisy image, with the noise of the validation.

        A single image comes twice.
        """
        self.module_.eval()
        parts = []
        with computing_in("float32", self.device):
            for batch in self.get_iterator(images):
                with torch.inference_mode(), self.layer_draws.of_step(self.device):
                    compared = (self.infer(batch.input), batch.input)
                    psnr = [self._psnr(x, batch.target.images) for x in compared]
                parts.append(torch.stack(psnr))
        return torch.cat(parts, dim=1).cpu().numpy()


def _lay_out_as_weights(optimizer):
    """Give what an optimizer holds of each weight the order of that weight in memory.

    Torch's fused steps go through both from the first number to the last.
    """
    for weight, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == weight.shape:
                state[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def make_net(module, criterion, optimizer, **options):
    """Put a module and a loss, both made, into an initialised net."""
    if optimizer in FUSED_OPTIMIZERS:
        options["optimizer__fused"] = True
    net = DenoisingNet(module, criterion=criterion, optimizer=optimizer, **options).initialize()
    net.module_.to(memory_format=torch.channels_last)
    net.module_.eval()
    return net
