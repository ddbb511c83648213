"""Batch normalisation that keeps its statistics, folded into the convolution before it while training.

With fixed statistics a normalisation is a factor and an offset a channel, and a convolution takes both for
nothing: one pass over the activations less forwards, and one less backwards. The weights that are trained
stay what they were; their gradients are the same up to rounding.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_Pair = tuple[nn.Conv2d, nn.BatchNorm2d]
SAME = 1e-3
"""How far outputs may move, as a share of the largest: folding rounds otherwise, and no more than that."""


@contextlib.contextmanager
def folded_norms(network: nn.Module, example: Tensor) -> Iterator[int]:
    """Fold what can be folded as long as the context lasts; gives the number of layers folded.

    A layer in training mode, which takes its statistics from the batch, runs as ever.

    Args:
        network: Images to logits; its parameters, their names and its state stay the same.
        example: Images `float32 [n, 3, S, S]`, with which it is found out which convolution each
            normalisation follows. Where the folded network answers otherwise, nothing is folded.
    """
    modes = {module: module.training for module in network.modules()}
    network.eval()
    pairs = _followers(network, example)
    noise = torch.randn(example.shape, generator=torch.Generator().manual_seed(0)).to(example)
    try:
        with torch.no_grad():
            expected = network(noise)
            _fold(pairs)
            if not _close(network(noise), expected):  # what a convolution gave was also used elsewhere
                _unfold(pairs)
                pairs = []
        for module, training in modes.items():
            module.training = training
        yield len(pairs)
    finally:
        _unfold(pairs)


def _followers(network: nn.Module, example: Tensor) -> list[_Pair]:
    """Convolutions whose output goes into one normalisation, each time it is called, as one run shows."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # the tensor too, or another may get its number
    calls: Counter[nn.Module] = Counter()
    met: Counter[_Pair] = Counter()

    def after_convolution(module: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        calls[module] += 1
        made[id(output)] = (module, output)

    def before_norm(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm2d)
        calls[module] += 1
        found = made.get(id(inputs[0]))
        if found is not None:
            met[found[0], module] += 1

    handles = []
    for module in network.modules():
        if type(module) is nn.Conv2d and module.padding_mode == "zeros":
            handles.append(module.register_forward_hook(after_convolution))
        elif _is_plain_norm(module):
            handles.append(module.register_forward_pre_hook(before_norm))
    try:
        with torch.no_grad():
            network(example)
    finally:
        for handle in handles:
            handle.remove()
    return [pair for pair, times in met.items() if calls[pair[0]] == times == calls[pair[1]]]


def _is_plain_norm(module: nn.Module) -> bool:
    """Whether it is a known normalisation with statistics and weights of its own."""
    from timm.layers.norm_act import BatchNormAct2d

    known = type(module) in (nn.BatchNorm2d, BatchNormAct2d)
    return known and module.running_mean is not None and module.weight is not None


def _fold(pairs: list[_Pair]) -> None:
    for convolution, norm in pairs:
        # An attribute of the module goes before its class's method, and leaves its state alone.
        convolution.__dict__["forward"] = functools.partial(_convolve, convolution, norm)
        norm.__dict__["forward"] = functools.partial(_activate, norm)


def _unfold(pairs: list[_Pair]) -> None:
    for pair in pairs:
        for module in pair:
            module.__dict__.pop("forward", None)


def _close(found: Tensor, expected: Tensor) -> bool:
    apart = float((found - expected).abs().max())
    return apart <= SAME * max(1.0, float(expected.abs().max()))


def _convolve(convolution: nn.Conv2d, norm: nn.BatchNorm2d, images: Tensor) -> Tensor:
    """Convolution and normalisation in one (Ioffe 2015, algorithm 1 with fixed statistics)."""
    if norm.training:
        return nn.Conv2d.forward(convolution, images)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    if convolution.bias is not None:
        shift = shift + convolution.bias * scale
    return F.conv2d(
        images,
        convolution.weight * scale[:, None, None, None],
        shift,
        convolution.stride,
        convolution.padding,
        convolution.dilation,
        convolution.groups,
    )


def _activate(norm: nn.BatchNorm2d, values: Tensor) -> Tensor:
    """What timm's layers do behind their normalisation; `torch.nn.BatchNorm2d` does nothing."""
    if norm.training:
        result: Tensor = type(norm).forward(norm, values)
        return result
    for name in ("drop", "act"):
        layer = getattr(norm, name, None)
        if isinstance(layer, nn.Module):
            values = layer(values)
    return values
