"""What depends on a whole batch although each process sees a part of it: statistics and chance.

Batch normalisation takes mean and variance over all parts. Random numbers are drawn for the whole batch by
every process alike, and each takes those of its own images. A training is then the same, up to rounding,
whether one process or several learn from a batch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as group
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

_NORM, _DROPOUT = inspect.signature(F.batch_norm), inspect.signature(F.dropout)


@dataclass(frozen=True)
class Part:
    """Which images of a batch are here.

    Attributes:
        places: `int64 [m]`, theirs in the batch.
        count: Images of the whole batch.
        counts: Whether they are part of it at all; a process without an image of its own only looks on.
    """

    places: Tensor
    count: int
    counts: bool


class WholeBatch(TorchFunctionMode):
    """As long as this context lasts, torch's functions treat a part of a batch as a part.

    Those are `F.batch_norm` in training, `F.dropout` and `Tensor.bernoulli_` (of which timm's stochastic
    depth is made), where their first dimension is that of the images. Other random layers draw alone.
    """

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one of torch's functions, or what stands for it."""
        del types
        given = dict(kwargs or {})
        if func is F.batch_norm:
            said = _bound(_NORM, args, given)
            if said["training"]:
                return _normalised(self.part, **said)
        elif func is F.dropout:
            said = _bound(_DROPOUT, args, given)
            if said["training"] and 0 < said["p"] < 1 and self._is_part(said["input"]):
                kept = self._drawn(said["input"], 1 - said["p"]).div_(1 - said["p"])
                return said["input"].mul_(kept) if said["inplace"] else said["input"] * kept
        elif func is Tensor.bernoulli_ and self._is_part(args[0]) and isinstance(_chance(args, given), float):
            return args[0].copy_(self._drawn(args[0], _chance(args, given)))
        return func(*args, **given)

    def _is_part(self, values: Tensor) -> bool:
        return values.ndim > 0 and len(values) == len(self.part.places)

    def _drawn(self, values: Tensor, chance: float) -> Tensor:
        """Ones with a chance, else zeros, for the whole batch as one process would draw them; the part's."""
        channels_last = values.ndim == 4 and values.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        shape = (self.part.count, *values.shape[1:])
        whole = torch.empty(shape, dtype=values.dtype, device=values.device, memory_format=layout)
        return whole.bernoulli_(chance)[self.part.places.to(values.device)]


def _bound(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _chance(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args[1] if len(args) > 1 else kwargs.get("p", 0.5)


def _normalised(
    part: Part,
    *,
    input: Tensor,  # noqa: A002 (the name of F.batch_norm)
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """`F.batch_norm` with the statistics of the whole batch, which also go into the running ones."""
    del training
    count, mean, var = _statistics(input, part)
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(var * (count / (count - 1).clamp_min(1)), momentum)
    result: Tensor = _Normalisation.apply(input, weight, bias, mean, var, count, eps, part.counts)
    return result


@torch.no_grad()
def _statistics(values: Tensor, part: Part) -> tuple[Tensor, Tensor, Tensor]:
    """Count, mean and variance of each channel over all parts (Chan 1983, eq. 2.1)."""
    axes = [axis for axis in range(values.ndim) if axis != 1]
    var, mean = torch.var_mean(values, axes, correction=0)
    own = values.numel() // values.shape[1] if part.counts else 0
    count = torch.full((1,), float(own), dtype=mean.dtype, device=mean.device)
    said = torch.cat([count, mean, var])
    parts = [torch.empty_like(said) for _ in range(group.get_world_size())]
    group.all_gather(parts, said)
    counts, means, variances = torch.split(torch.stack(parts), [1, len(mean), len(mean)], 1)
    total = counts.sum()
    shares = counts / total
    whole = (shares * means).sum(0)
    return total, whole, (shares * (variances + (means - whole) ** 2)).sum(0)


class _Normalisation(torch.autograd.Function):
    """Batch normalisation with given statistics that are functions of the input (Ioffe 2015, section 3)."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        var: Tensor,
        count: Tensor,
        eps: float,
        counts: bool,
    ) -> Tensor:
        ctx.save_for_backward(values, weight, mean, var, count)
        ctx.eps, ctx.counts = eps, counts
        return F.batch_norm(values, mean, var, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        values, weight, mean, var, count = ctx.saved_tensors
        deviation = torch.rsqrt(var + ctx.eps)
        plain = torch.ones_like(mean) if weight is None else weight
        own, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], values, plain, mean, var, mean, deviation, False, ctx.eps, [True, True, True]
        )
        sums = torch.cat([of_weight, of_bias])
        group.all_reduce(sums)
        by_weight, by_bias = (sums / count).chunk(2)
        # What an image's value does to the statistics, and through them to every image of the batch.
        slope = -plain * deviation**2 * by_weight
        level = -plain * deviation * by_bias - slope * mean
        shape = [1, -1, *[1] * (values.ndim - 2)]
        own = torch.addcmul(own, values, slope.view(shape)).add_(level.view(shape))
        if not ctx.counts:
            own = torch.zeros_like(own)
        learned = (of_weight, of_bias) if weight is not None else (None, None)
        return own, *learned, None, None, None, None, None
