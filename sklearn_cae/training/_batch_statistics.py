"""Running statistics of batch normalisation that are right after a few steps too."""

import torch
from skorch.callbacks import Callback

BATCH_NORMS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)


class MeanOfFirstSteps(Callback):
    """Makes running statistics the mean of all steps so far, until steps weigh as they should.

    Torch's hold, after k steps with a momentum of 0.1, still a share of 0.9 ** k of a start that is
    not of any images. Weights do not depend on it.
    """

    def on_train_begin(self, net, **kwargs):
        self.momenta = [
            (layer, layer.momentum)
            for layer in _batch_norms(net.module_)
            if layer.track_running_stats and layer.momentum
        ]
        self.n_steps = None

    def on_batch_begin(self, net, training=None, **kwargs):
        if training:
            if self.n_steps is None:
                # Now, as a checkpoint may have been read since the training began.
                self.n_steps = [int(layer.num_batches_tracked) for layer, _ in self.momenta]
            for (layer, momentum), n_steps in zip(self.momenta, self.n_steps, strict=True):
                weight = max(momentum, 1 / (n_steps + 1))
                if layer.momentum != weight:  # To set an attribute of a module takes time.
                    layer.momentum = weight
            self.n_steps = [n_steps + 1 for n_steps in self.n_steps]

    def on_train_end(self, net, **kwargs):
        for layer, momentum in self.momenta:
            layer.momentum = momentum


def settle_batch_statistics(net, images):
    """Take the running statistics of batch normalisation anew, as means over all images.

    After a few steps they are those of a network that has learned less since.
    """
    layers = _batch_norms(net.module_)
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    net.module_.train()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a mean over all batches
    with torch.no_grad(), net.processes.joined_batch_norm():
        for batch in net.get_iterator(images, training=True):
            with net.layer_draws.of_step(net.device):
                net.infer(net.processes.share(batch).input)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    net.module_.eval()


def _batch_norms(module):
    return [layer for layer in module.modules() if isinstance(layer, BATCH_NORMS)]
