"""Networks with random weights, whose signal must neither explode nor die on its way up."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

USUAL = (1e-2, 1e2)
"""Between these the last map of a usable network varies; InceptionV3 as timm draws it reaches 10^7."""


def settle(network: Any, *, image_size: int, seed: int) -> None:
    """Give the batch normalisation of a random network the scale of noise, where timm's start fails.

    A new layer takes its input for one of mean 0 and variance 1. Where that is far off, layer by layer, the
    last features are of size 10^7 or 10^-10, of which float32 keeps too little for two runtimes to agree.

    Args:
        network: A timm network without classifier, in place.
        image_size: Side of its input, pixels.
        seed: Of the noise.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    random = torch.Generator().manual_seed(seed)
    # Of small images more are needed: their last maps have one place each. Coarse and fine, as images are.
    count = max(4, 4 * (224 // image_size) ** 2)
    noise = torch.randn(count, 3, image_size, image_size, generator=random)
    noise += nn.functional.interpolate(noise[..., ::8, ::8], (image_size, image_size))
    with torch.no_grad():
        spread = float(network.eval().forward_features(noise).std())
        if USUAL[0] <= spread <= USUAL[1]:
            return
        hooks = [norm.register_forward_pre_hook(_take_scale) for norm in norms]
        network.forward_features(noise)
    for hook in hooks:
        hook.remove()


def _take_scale(norm: Any, inputs: tuple[Tensor, ...]) -> None:
    # One scale for all channels and no shift: what makes each channel as loud as the others, layer by
    # layer, does so with the rounding of the faintest (1e-4 of InceptionV3's features).
    norm.running_mean.zero_()
    # Rounded, for the number of threads changes in which order a mean is summed up, and no byte may follow.
    norm.running_var.fill_(float(f"{float(inputs[0].square().mean()):.3g}"))
