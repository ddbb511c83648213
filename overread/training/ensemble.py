"""Networks that were each trained without one fold of patients, averaged in one network.

Each image of train and tune is then scored by a network that never saw its patient, so that calibration and
thresholds can use all of them (cross-fitting, as in Platt 1999 §2.1, and as heads do in phase one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from overread.training.backbones import Backbone
from overread.training.heads import grouped_folds
from overread.training.network import LinearHead, ReaderNetwork, Task
from overread.training.reader import LabelledRows

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Member:
    """What one network learns from.

    Attributes:
        learns: Places of labelled rows.
        left_out: Those on which it stops early, and which it alone may score.
    """

    learns: Rows
    left_out: Rows


class EnsembleBackbone(Backbone):
    """Several backbones side by side, with the face of one: features and maps stand one behind the other.

    Attributes:
        backbones: Alike in size and grid.
    """

    def __init__(self, backbones: Sequence[Backbone]) -> None:
        nn.Module.__init__(self)
        self.backbones = nn.ModuleList(backbones)
        first = backbones[0]
        self.grid, self.sizes, self.views, self.taps = first.grid, first.sizes, first.views, first.taps
        self.channels = sum(backbone.channels for backbone in backbones)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Normalised images `float32 [n, 3, S, S]` to the maps of all backbones in turn."""
        return [found for backbone in self.backbones for found in backbone(images)]

    def pooled(self, maps: list[Tensor]) -> Tensor:
        """Maps to features `float32 [n, d]`, d being the sum over backbones."""
        return torch.cat([one.pooled(part) for one, part in self._parts(maps)], 1)

    def places(self, maps: list[Tensor]) -> Tensor:
        """Maps to `float32 [n, d, h, w]`, whose mean over places is `pooled`."""
        return torch.cat([one.places(part) for one, part in self._parts(maps)], 1)

    def _parts(self, maps: list[Tensor]) -> list[tuple[Backbone, list[Tensor]]]:
        each = len(maps) // len(self.backbones)
        return [
            (one, maps[index * each : (index + 1) * each])  # type: ignore[misc]
            for index, one in enumerate(self.backbones)
        ]


class SlicedHead(nn.Module):
    """Heads of which each reads its own slice of the features; their logits are averaged."""

    def __init__(self, heads: Sequence[nn.Module]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)

    def forward(self, features: Tensor) -> Tensor:
        """Features `float32 [..., k * d]` to the mean of the heads' logits `float32 [..., outputs]`."""
        parts = features.chunk(len(self.heads), -1)
        return torch.stack([head(part) for head, part in zip(self.heads, parts, strict=True)]).mean(0)


def join_members(networks: Sequence[ReaderNetwork]) -> ReaderNetwork:
    """One network whose logits and saliency are the means of these; one alone stays what it is."""
    if len(networks) == 1:
        return networks[0].eval()
    heads = [network.head for network in networks]
    joined: nn.Module = SlicedHead(heads)
    linear = [head.linear for head in heads if isinstance(head, LinearHead)]
    if len(linear) == len(heads):  # a mean of linear heads is one, at no cost
        weight = np.concatenate([layer.weight.detach().numpy() for layer in linear], 1) / len(linear)
        joined = LinearHead(weight, np.mean([layer.bias.detach().numpy() for layer in linear], 0))
    return ReaderNetwork(EnsembleBackbone([network.backbone for network in networks]), joined).eval()


def plan_members(rows: LabelledRows, *, task: Task, count: int, seed: int) -> list[Member]:
    """Who learns from what: one network from train, watched on tune; several from all but a fold of both.

    Args:
        rows: The labelled images.
        task: Of the cohort.
        count: How many networks are wanted; fewer are made where a class has fewer patients.
        seed: Of the folds.

    Raises:
        TrainingError: A class has too few patients for two folds.
    """
    if count == 1:
        return [Member(rows.of("train"), rows.of("tune"))]
    both = rows.of("train", "tune")
    fold_of = grouped_folds(rows.targets[both], rows.groups[both], task=task, folds=count, seed=seed)
    return [Member(both[fold_of != fold], both[fold_of == fold]) for fold in range(int(fold_of.max()) + 1)]
