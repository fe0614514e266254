"""Layers that draw in training, as dropout does: torch gives them its global generator alone."""

from contextlib import nullcontext

from torch.nn.modules import dropout

from .._random import derived_seed, generator_on, global_generators_seeded_by

# Of the numbers that layers draw; the streams before it are those of the rest of a training.
LAYER_STREAM = 6


class LayerDraws:
    """Random numbers for the layers of a net and for its loss, those of its seed."""

    def __init__(self):
        self.generator = None

    def begin(self, net, *stream):
        """Start the numbers of a pass over images, if the network or its loss may draw any."""
        if may_draw(net.module_, net.criterion_):
            self.generator = generator_on("cpu", derived_seed(net.seed, LAYER_STREAM, *stream))

    def of_step(self, device):
        """Context of a step, after which torch's global generators are as they were before."""
        if self.generator is None:
            return nullcontext()
        return global_generators_seeded_by(self.generator, device)


def may_draw(module, criterion):
    """Whether a network or a loss may draw: those of the library and the losses of torch do not."""
    library = __name__.partition(".")[0]
    origins = {type(part).__module__ for part in (*module.modules(), *criterion.modules())}
    packages = {origin.partition(".")[0] for origin in origins}
    is_ours = type(module).__module__.partition(".")[0] == library
    return not is_ours or not packages <= {library, "torch"} or dropout.__name__ in origins
