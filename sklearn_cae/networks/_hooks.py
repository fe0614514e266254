"""Who listens to the layers of a network."""

KINDS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def has_hooks(module):
    """Whether a hook is registered on a module or on one within it."""
    return any(vars(part)[kind] for part in module.modules() for kind in KINDS)
