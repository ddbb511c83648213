"""A running mean of a network's weights: what is watched, kept and packed instead of the last step's."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class RunningMean:
    """Exponential moving average of all that a network's state holds (Polyak 1992; Tarvainen 2017, eq. 2).

    The statistics of batch normalisation are averaged as well; whole numbers are copied. The decay is
    min(decay, (1 + steps) / (10 + steps)), so that the first steps, made by poor weights, are soon forgotten.

    Args:
        network: Whose state; where it lives and how it lies in memory stay its own.
        decay: Share of the mean that is kept at each step, 0..1.
    """

    def __init__(self, network: nn.Module, *, decay: float) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"expected a decay above 0 and below 1, got {decay}")
        self.decay, self.steps = decay, 0
        self.mean = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights after one more step."""
        self.steps += 1
        kept = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in network.state_dict().items():
            mean = self.mean[name] = self.mean[name].to(value.device)
            if mean.is_floating_point():
                mean.lerp_(value.detach(), 1 - kept)
            else:
                mean.copy_(value)

    def swap_in(self, network: nn.Module) -> dict[str, Tensor]:
        """Put the averaged weights into a network; returns a copy of those that were there."""
        own = {name: value.detach().clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.mean)
        return own

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"steps": self.steps, "mean": {name: value.clone() for name, value in self.mean.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.steps = int(state["steps"])
        self.mean = {name: value.clone() for name, value in state["mean"].items()}
