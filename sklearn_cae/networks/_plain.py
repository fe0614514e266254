"""Whether layers may be computed in another way that gives the same."""

KINDS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def has_hooks(module):
    """Whether a hook is registered on a module or on one within it, so that somebody listens."""
    return any(vars(part)[kind] for part in module.modules() for kind in KINDS)


def is_own(layer, cls):
    """Whether a layer computes as its class in torch: no subclass, no ``forward`` of its own."""
    return type(layer) is cls and "forward" not in vars(layer)
