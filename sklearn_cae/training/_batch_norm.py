"""Batch normalisation whose statistics are those of a batch in parts, one in each process."""

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class JoinedBatchNorm(TorchFunctionMode):
    """Within it, batch normalisation in training takes mean and variance over all processes.

    Networks stay as they are: their layers call ``torch.nn.functional.batch_norm``, and it is that
    call which is answered here. torch's own ``SyncBatchNorm`` computes on CUDA alone.

    Parameters
    ----------
    add_up : callable
        Adds a float64 tensor up over all processes, in place.
    """

    def __init__(self, add_up):
        super().__init__()
        self.add_up = add_up

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Answer a call of a function of torch."""
        kwargs = kwargs or {}
        if func is F.batch_norm and kwargs["training"]:
            return self._batch_norm(*args, **kwargs)
        return func(*args, **kwargs)

    def _batch_norm(
        self, images, running_mean, running_var, *, weight, bias, training, momentum, eps
    ):
        n_channels = images.shape[1]
        # float32 also where images are not.
        kind = {"device": images.device, "dtype": torch.promote_types(images.dtype, torch.float32)}
        weight = torch.ones(n_channels, **kind) if weight is None else weight
        bias = torch.zeros(n_channels, **kind) if bias is None else bias
        output, mean, variance = _JoinedBatchNorm.apply(images, weight, bias, eps, self.add_up)
        if running_mean is not None:
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance, momentum)
        return output


class _JoinedBatchNorm(torch.autograd.Function):
    """The output, and the mean and the unbiased variance of each channel."""

    @staticmethod
    def forward(ctx, images, weight, bias, eps, add_up):
        own_mean, own_variance = _own_statistics(images, weight.dtype)
        n_own = images.numel() // images.shape[1]
        sums = torch.stack([own_mean, own_variance, torch.ones_like(own_mean)]).double() * n_own
        sums[1] += n_own * own_mean.double().square()
        add_up(sums)
        n = sums[2, :1]
        mean = sums[0] / n
        # float64: little is lost where the mean is far larger than the standard deviation.
        variance = (sums[1] / n - mean.square()).clamp_(min=0)
        unbiased = variance * n / (n - 1).clamp(min=1)
        mean, variance, unbiased = (x.to(weight.dtype) for x in (mean, variance, unbiased))
        ctx.save_for_backward(images, weight, mean, variance)
        ctx.eps, ctx.add_up, ctx.n = eps, add_up, n
        ctx.mark_non_differentiable(mean, unbiased)
        return F.batch_norm(images, mean, variance, weight, bias, eps=eps), mean, unbiased

    @staticmethod
    def backward(ctx, grad, *_):
        images, weight, mean, variance = ctx.saved_tensors
        inverse_std = torch.rsqrt(variance + ctx.eps)
        # What it would be if the batch were the own share; what the others change is small.
        own_grad, grad_weight, grad_bias = torch.ops.aten.native_batch_norm_backward(
            grad, images, weight, None, None, mean, inverse_std, True, ctx.eps, [True, True, True]
        )
        own_sums = torch.stack([grad_bias, grad_weight]).double()
        sums = own_sums.clone()
        ctx.add_up(sums)
        n_own = images.numel() // images.shape[1]
        offset, slope = weight * inverse_std * (own_sums / n_own - sums / ctx.n).to(weight.dtype)
        change = F.batch_norm(images, mean, variance, slope, offset, eps=ctx.eps)
        return own_grad.add_(change), grad_weight, grad_bias, None, None


def _own_statistics(images, dtype):
    """Mean and variance of each channel of images (n, C, ...), of the given dtype."""
    # It writes running statistics too, whose dtype is that of its results.
    mean, variance = torch.zeros(2, images.shape[1], dtype=dtype, device=images.device)
    return torch.batch_norm_update_stats(images, mean, variance, 1)
