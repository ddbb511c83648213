"""Ensembles of decision trees as a network: the same routes as the library that grew them, in plain tensors.

Written so, a forest goes into ONNX with the network before it, in operators that every runtime has: no
second converter, no operator set of its own, and torch can answer for it where it is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Ints = npt.NDArray[np.int64]
Floats32 = npt.NDArray[np.float32]
Link = Literal["logit", "probability", "one-vs-rest"]


@dataclass(frozen=True)
class Trees:
    """Trees, node by node; a leaf follows itself, so that every walk may take as many steps as the longest.

    Attributes:
        feature: `int64 [nodes]`, what is looked at.
        threshold: `float32 [nodes]`; on to the left where the feature is at most this.
        left: `int64 [nodes]`, node that follows to the left.
        right: `int64 [nodes]`, node that follows to the right.
        value: `float32 [nodes, k]`, what a leaf says.
        roots: `int64 [trees]`.
        depth: Steps of the longest walk.
    """

    feature: Ints
    threshold: Floats32
    left: Ints
    right: Ints
    value: Floats32
    roots: Ints
    depth: int


def planted(trees: list[Trees]) -> Trees:
    """Several sets of trees behind one another."""
    starts = np.cumsum([0, *(len(part.feature) for part in trees)])[:-1]
    moved = list(zip(trees, starts, strict=True))
    return Trees(
        feature=np.concatenate([part.feature for part in trees]),
        threshold=np.concatenate([part.threshold for part in trees]),
        left=np.concatenate([part.left + start for part, start in moved]),
        right=np.concatenate([part.right + start for part, start in moved]),
        value=np.concatenate([part.value for part in trees]),
        roots=np.concatenate([part.roots + start for part, start in moved]),
        depth=max(part.depth for part in trees),
    )


@dataclass(frozen=True)
class Ensemble:
    """One fold's trees and what becomes of the values that their leaves say.

    Attributes:
        trees: In groups of equal size: each group's leaf values are added up. With values of one number
            there is a group an output; with values of several there is one group.
        link: "logit": the sums are logits; "probability": their means over the trees are probabilities;
            "one-vs-rest": the sums are logits of each class against the others, of whose probabilities each
            has its share.
        base: `[outputs]`, added to the sums.
        offset: `[outputs]`, taken off the logits in the end.
        projection: `[k, d]` and `[k]`: the trees look at these sums of features; None: at the features.
    """

    trees: Trees
    link: Link
    base: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]
    projection: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None


class TreeHead(nn.Module):
    """The mean of several ensembles' logits: one ensemble a fold of patients left out.

    Args:
        ensembles: All of the same kind and size.

    A mean p of T trees' shares is given out as (T p + 1 / c) / (T + 1) for c classes, as if one more tree
    knew nothing: a forest that is of one mind has finite log-odds, and the order of scores stays.
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor
    roots: Tensor
    base: Tensor
    offset: Tensor

    def __init__(self, ensembles: list[Ensemble]) -> None:
        super().__init__()
        self.folds, self.outputs, self.link = len(ensembles), len(ensembles[0].base), ensembles[0].link
        self.projection: nn.Linear | None = None
        parts = [one.trees for one in ensembles]
        pairs = [one.projection for one in ensembles if one.projection is not None]
        if pairs:
            starts = np.cumsum([0, *(len(offset) for _, offset in pairs)])
            self.projection = nn.Linear(pairs[0][0].shape[1], int(starts[-1]))
            with torch.no_grad():
                self.projection.weight.copy_(torch.from_numpy(np.concatenate([pair[0] for pair in pairs])))
                self.projection.bias.copy_(torch.from_numpy(np.concatenate([pair[1] for pair in pairs])))
            parts = [
                Trees(**{**vars(part), "feature": part.feature + start})
                for part, start in zip(parts, starts[:-1], strict=True)
            ]
        joined = planted(parts)
        self.depth = joined.depth
        for name in ("feature", "threshold", "left", "right", "value", "roots"):
            self.register_buffer(name, torch.from_numpy(getattr(joined, name)))
        for name in ("base", "offset"):
            rows = np.stack([getattr(one, name) for one in ensembles]).astype(np.float32)
            self.register_buffer(name, torch.from_numpy(rows))

    def forward(self, features: Tensor) -> Tensor:
        """Features `float32 [n, d]` to logits `float32 [n, outputs]`."""
        seen = features if self.projection is None else self.projection(features)
        node = self.roots.unsqueeze(0).expand(seen.shape[0], -1)
        for _ in range(self.depth):
            stays = seen.gather(1, self.feature[node]) <= self.threshold[node]
            node = torch.where(stays, self.left[node], self.right[node])
        said = self.value[node]
        width = self.outputs // self.value.shape[1]  # groups of a fold
        each = len(self.roots) // (self.folds * width)
        total = said.reshape(-1, self.folds, width, each, self.value.shape[1]).sum(3)
        sums = total.reshape(-1, self.folds, self.outputs) + self.base
        if self.link == "probability":
            sums = _log_odds(sums, trees=each, competing=self.value.shape[1] > 1)
        if self.link == "one-vs-rest":
            sums = nn.functional.logsigmoid(sums)
        return (sums - self.offset).mean(1)


def _log_odds(shares: Tensor, *, trees: int, competing: bool) -> Tensor:
    """Sums of the trees' shares `[..., outputs]` as logits."""
    if competing:
        return ((shares + 1 / shares.shape[-1]) / (trees + 1)).log()
    present = (shares + 0.5) / (trees + 1)
    absent = (trees - shares + 0.5) / (trees + 1)
    return present.log() - absent.log()


class ExplainedHead(nn.Module):
    """A head whose answer jumps, and a linear one that stands in for it where places are to be compared.

    Args:
        head: What gives the scores.
        stand_in: What gives the heat map.
    """

    def __init__(self, head: nn.Module, stand_in: nn.Module) -> None:
        super().__init__()
        self.head, self.stand_in = head, stand_in

    def forward(self, features: Tensor) -> Tensor:
        """Features `float32 [n, d]` to logits `float32 [n, outputs]`, of the head alone."""
        logits: Tensor = self.head(features)
        return logits
