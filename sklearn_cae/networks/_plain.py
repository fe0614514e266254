"""Whether layers may be computed in another way that gives the same."""

from torch.nn.modules import module as of_all

KINDS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def has_hooks(module):
    """Whether a hook is registered on all modules, this one or one within it: somebody listens."""
    if any(getattr(of_all, f"_global{kind}") for kind in KINDS):
        return True
    return any(vars(part)[kind] for part in module.modules() for kind in KINDS)


def is_own(layer, cls):
    """Whether a layer computes as its class: no subclass, no ``forward`` of its own."""
    return type(layer) is cls and "forward" not in vars(layer)
