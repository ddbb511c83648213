"""How fast each block of a network learns, and which parts of it learn at all."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from overread.training.network import ReaderNetwork
from overread.training.recipe import Recipe


def learning_rates(network: ReaderNetwork, settings: Recipe, *, image_size: int) -> list[dict[str, Any]]:
    """Parameter groups from bottom to top, each block's rate a fixed share of the one above (Howard 2018).

    Where the rate is yet to be found they are shares of it. What is not trained has `requires_grad` taken
    away and is left out: blocks below `settings.blocks`, and the layers of the backbone above its last tap,
    which no logit depends on.
    """
    from timm.models import group_parameters

    scale = 1.0 if settings.learning_rate == "find" else settings.learning_rate
    backbone = network.backbone.network
    block_of: dict[str, int] = group_parameters(backbone, backbone.group_matcher(coarse=True), reverse=True)
    used = _used_parameters(network, image_size=image_size)
    # Numbered anew, since whole blocks may lie above the last tap.
    rank = {block: index for index, block in enumerate(sorted({block_of[name] for name in used}))}
    top = len(rank) - 1
    first = 0 if settings.blocks == "all" else top + 1 - settings.blocks
    groups: dict[int, list[nn.Parameter]] = {}
    for name, parameter in backbone.named_parameters():
        block = rank[block_of[name]] if name in used else -1
        parameter.requires_grad_(block >= max(first, 0))
        if parameter.requires_grad:
            groups.setdefault(block, []).append(parameter)
    rates: list[dict[str, Any]] = [
        {
            "params": parameters,
            "lr": scale * settings.layer_decay ** (top + 1 - block),
            "name": f"block-{block}",
        }
        for block, parameters in sorted(groups.items())
    ]
    head = list(network.head.parameters())
    return [*rates, {"params": head, "lr": scale * settings.head_rate, "name": "head"}]


def _used_parameters(network: ReaderNetwork, *, image_size: int) -> set[str]:
    """Names of the backbone's parameters on which the logits depend."""
    named = {name: p.requires_grad_(True) for name, p in network.backbone.network.named_parameters()}
    was_training = network.training
    with torch.enable_grad():
        logits = network.eval()(torch.zeros(1, 3, image_size, image_size))
        gradients = torch.autograd.grad(logits.sum(), list(named.values()), allow_unused=True)
    network.train(was_training)
    return {name for name, gradient in zip(named, gradients, strict=True) if gradient is not None}
