"""Muon: momentum whose updates are orthogonal matrices."""

from itertools import groupby

import torch

# Coefficients of the Newton-Schulz iteration, as published: five steps bring all singular values
# to about 1.
QUINTIC, N_ITERATIONS = (3.4445, -4.7750, 2.0315), 5
# Gives the updates of a matrix the size of those of Adam, so that learning rates mean the same.
ADAM_SIZE = 0.2
# Keeps quotients finite, as in Adam.
TINY = 1e-8


class Muon(torch.optim.Optimizer):
    """Momentum whose update of a weight matrix is the nearest orthogonal matrix.

    All directions of a matrix are learned at the same pace [1]_, which trains convolutions without
    normalisation in far fewer steps than Adam. The weights of a convolution are a matrix with one
    row for each map it makes. Parameters of fewer than two dimensions, as biases are, are trained
    by Adam. Updates have the size of those of Adam [2]_, so that the same learning rates do.

    torch's own ``torch.optim.Muon`` takes matrices alone, no convolutions.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter, or of dict
        The parameters, or groups of them.
    lr : float, default=4e-3
        Learning rate.
    momentum : float, default=0.95
        Share of the last update's direction that is kept; Nesterov's form.
    weight_decay : float, default=0.4
        What matrices lose in each step, times the learning rate. Without it they grow until the
        training of a network without normalisation breaks down.
    betas : tuple of float, default=(0.9, 0.99)
        Of Adam, for what is no matrix.

    References
    ----------
    .. [1] K. Jordan, Y. Jin, V. Boza, J. You, F. Cesista, L. Newhouse, J. Bernstein, "Muon: an
       optimizer for hidden layers in neural networks", 2024.
    .. [2] J. Liu et al., "Muon is scalable for LLM training", 2025.

    Examples
    --------
    >>> import torch
    >>> from sklearn_cae.training import Muon
    >>> conv = torch.nn.Conv2d(3, 8, 3)
    >>> conv(torch.rand(1, 3, 9, 9)).square().mean().backward()
    >>> Muon(conv.parameters(), lr=4e-3).step()
    """

    def __init__(self, params, lr=4e-3, *, momentum=0.95, weight_decay=0.4, betas=(0.9, 0.99)):
        options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "betas": betas}
        super().__init__(params, options)

    @torch.no_grad()
    def step(self, closure=None):
        """Take a step; ``closure`` gives the loss anew, as for all of torch's optimizers."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            with_grad = [p for p in group["params"] if p.grad is not None]
            matrices = sorted((p for p in with_grad if p.ndim >= 2), key=_matrix_shape)
            # Matrices of one shape are made orthogonal together.
            for shape, equal in groupby(matrices, _matrix_shape):
                self._step_matrices(list(equal), shape, group)
            for parameter in with_grad:
                if parameter.ndim < 2:
                    self._step_vector(parameter, group)
        return loss

    def _step_matrices(self, parameters, shape, group):
        directions = torch.stack([self._direction(p, group).reshape(shape) for p in parameters])
        updates = orthogonalize(directions)
        scale = -group["lr"] * ADAM_SIZE * max(shape) ** 0.5
        for parameter, update in zip(parameters, updates, strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(update.reshape(parameter.shape), alpha=scale)

    def _direction(self, parameter, group):
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum = state["momentum"]
        momentum.mul_(group["momentum"]).add_(parameter.grad)
        return parameter.grad.add(momentum, alpha=group["momentum"])

    def _step_vector(self, parameter, group):
        state = self.state[parameter]
        if not state:
            state |= {"mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}
            state["step"] = torch.zeros((), device="cpu")
        first, second = group["betas"]
        state["step"] += 1
        n_steps = state["step"].item()
        state["mean"].lerp_(parameter.grad, 1 - first)
        state["square"].lerp_(parameter.grad.square(), 1 - second)
        size = (state["square"] / (1 - second**n_steps)).sqrt_().add_(TINY)
        parameter.addcdiv_(state["mean"], size, value=-group["lr"] / (1 - first**n_steps))


def _matrix_shape(parameter):
    """Rows and columns of weights as a matrix with one row for each output."""
    return len(parameter), parameter[0].numel()


def orthogonalize(matrices):
    """Bring all singular values of a batch of matrices (n, rows, columns) to about 1."""
    linear, cubic, quintic = QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=TINY)
    for _ in range(N_ITERATIONS):
        gram = x @ x.mT
        x = linear * x + (cubic * gram + quintic * gram @ gram) @ x
    return x.mT if tall else x
