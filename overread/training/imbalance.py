"""What training does about rare classes, and what that does to its logits.

Weights, sampling and copies make rare classes count for more than their share. A head that is led to the
shares that it is shown says too much of them, by a known number of logits: that is taken off while training,
so that a reader's logits are always about the cohort as it is (King and Zeng 2001, eq. 7; for several
classes Menon et al. 2021, section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from overread.training.network import Task

Array = npt.NDArray[np.float64]
Kind = Literal["none", "class-weights", "balanced-sampling", "focal", "upsample"]

_LEAST = 1e-6


@dataclass(frozen=True)
class Imbalance:
    """What is wanted: `reader.imbalance` and what belongs to it.

    Attributes:
        kind: "class-weights" weighs the loss of each class inversely to its share; "balanced-sampling" draws
            images that often instead; "focal" makes little of images that are read well already; "upsample"
            has been shown copies and needs no more; "none".
        focal_gamma: How little: the loss of an image whose class has the score p is weighed by
            (1 - p) ** gamma (Lin et al. 2017, eq. 4).
    """

    kind: Kind = "class-weights"
    focal_gamma: float = 2.0

    @property
    def gamma(self) -> float:
        """The exponent where the loss is focal, else 0, which is the plain loss."""
        return self.focal_gamma if self.kind == "focal" else 0.0


@dataclass(frozen=True)
class Remedy:
    """What that means for some images.

    Attributes:
        class_weights: `[classes]` for multiclass, else `[classes, 2]` of absent and present.
        chances: `[n]`, how often each image is wanted, 1 on average; None: each once.
        gamma: Exponent of the focal loss.
        offset: `[outputs]`, how much higher than right the logits become by weights, chances or copies.
    """

    class_weights: Array
    chances: Array | None
    gamma: float
    offset: Array


def remedy_for(
    imbalance: Imbalance, targets: npt.NDArray[np.floating], *, task: Task, copies: int = 0
) -> Remedy:
    """What to do about the imbalance of some images.

    Args:
        imbalance: What is wanted.
        targets: `[n, classes]`, 1, 0 or NaN.
        task: For multiclass the classes compete.
        copies: How many of the images, at the end, are copies of others.
    """
    weights = class_weights_of(targets, task=task, balanced=imbalance.kind == "class-weights")
    with np.errstate(divide="ignore"):
        logarithms = np.where(weights > 0, np.log(np.where(weights > 0, weights, 1.0)), 0.0)
    offset = logarithms if task == "multiclass" else logarithms[:, 1] - logarithms[:, 0]
    chances = None
    images = targets[: len(targets) - copies]
    if imbalance.kind == "balanced-sampling":
        chances = chances_of(targets, task=task)
        offset = _shift(_shares(images, None), _shares(targets, chances), task=task)
    elif copies:
        offset = offset + _shift(_shares(images, None), _shares(targets, None), task=task)
    return Remedy(weights, chances, imbalance.gamma, offset)


def class_weights_of(targets: npt.NDArray[np.floating], *, task: Task, balanced: bool) -> Array:
    """Weights inverse to the classes' shares, with mean 1 over images; ones where not balanced.

    Returns:
        `[classes]` for multiclass, else `[classes, 2]` of absent and present.
    """
    if task == "multiclass":
        share = np.nan_to_num(targets).mean(0)
        # A class without images gets no weight: there is no loss to weigh.
        inverse = np.divide(1, share, out=np.zeros_like(share, float), where=share > 0)
        return inverse / np.count_nonzero(share) if balanced else np.ones_like(inverse)
    present = _shares(targets, None)
    return np.stack([0.5 / (1 - present), 0.5 / present], 1) if balanced else np.ones((len(present), 2))


def chances_of(targets: npt.NDArray[np.floating], *, task: Task) -> Array:
    """How often to draw each image, `[n]` with mean 1, so that classes come equally often.

    Of several findings in one image the rarest decides, and images without any are a class of their own.
    """
    present = np.nan_to_num(targets) > 0.5
    if task != "multiclass":
        present = np.column_stack([present, ~present.any(1)])
    share = present.mean(0)
    inverse = np.divide(1, share, out=np.zeros_like(share), where=share > 0)
    chances = (present * inverse).max(1)
    return np.asarray(chances / chances.mean(), np.float64)


def _shares(targets: npt.NDArray[np.floating], chances: Array | None) -> Array:
    """The share of each class, `[classes]`, among the images for which it is stated."""
    known = ~np.isnan(targets)
    times = known if chances is None else known * chances[:, None]
    share = (np.nan_to_num(targets) * times).sum(0) / np.maximum(times.sum(0), _LEAST)
    return np.asarray(np.clip(share, _LEAST, 1 - _LEAST), np.float64)


def _shift(before: Array, after: Array, *, task: Task) -> Array:
    """How far logits move when classes come at other shares."""
    if task == "multiclass":
        return np.asarray(np.log(after / before), np.float64)
    return np.asarray(np.log(after / (1 - after)) - np.log(before / (1 - before)), np.float64)
