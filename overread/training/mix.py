"""Mixed images: two of a batch blended (mixup), or a patch of one put into the other (CutMix).

Mixing and label smoothing draw scores towards undecided: a reader's scores are calibrated afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Mix = Literal["none", "mixup", "cutmix", "both"]

MIXUP_ALPHA = 0.2
CUTMIX_ALPHA = 1.0


@dataclass(frozen=True)
class Mixed:
    """A batch of which each image is partly another of the same batch.

    Attributes:
        images: `float32 [n, c, h, w]`.
        partner: `int64 [n]`, which other image is in each.
        share: How much of each image is its own, 0..1; the loss of the partner's target counts for the rest.
    """

    images: Tensor
    partner: Tensor
    share: float


@dataclass(frozen=True)
class MixPlan:
    """How a batch is mixed, before its images are known.

    Attributes:
        partner: `int64 [n]`, which other image goes into each.
        share: How much of each image is its own, 0..1; with a patch, what was drawn.
        centre: Of the patch, as shares of height and width; None: images are blended.
    """

    partner: npt.NDArray[np.int64]
    share: float
    centre: tuple[float, float] | None


def mix_plan(count: int, kind: Mix, *, seed: int, epoch: int, batch: int) -> MixPlan | None:
    """What (seed, epoch, batch) alone say of a batch of `count` images; None where nothing is to be mixed."""
    if kind == "none" or count < 2:
        return None
    rng = np.random.default_rng((seed, epoch, batch, 0x313))
    cut = kind == "cutmix" or (kind == "both" and rng.uniform() < 0.5)
    alpha = CUTMIX_ALPHA if cut else MIXUP_ALPHA
    share = float(rng.beta(alpha, alpha))
    partner = rng.permutation(count)
    centre = (float(rng.uniform()), float(rng.uniform())) if cut else None
    return MixPlan(partner, share, centre)


def mix(images: Tensor, kind: Mix, *, seed: int, epoch: int, batch: int) -> Mixed | None:
    """Mix a batch by (seed, epoch, batch) alone; None where nothing is to be mixed.

    "mixup" blends pixels with a share from Beta(0.2, 0.2) (Zhang 2018, eq. 1); "cutmix" exchanges one
    rectangle whose area is the rest of a share from Beta(1, 1) (Yun 2019, eq. 1-2), the share being what is
    left after the rectangle is cut off at the edges; "both" tosses a coin for each batch.

    Args:
        images: `float32 [n, c, h, w]`, left unchanged.
        kind: What is done.
        seed: Of the training.
        epoch: Number of the epoch.
        batch: Number of the batch in it.
    """
    plan = mix_plan(len(images), kind, seed=seed, epoch=epoch, batch=batch)
    if plan is None:
        return None
    partner = torch.from_numpy(plan.partner).to(images.device)
    mixed, share = blended(images, images[partner], plan)
    return Mixed(mixed, partner, share)


def blended(images: Tensor, partners: Tensor, plan: MixPlan) -> tuple[Tensor, float]:
    """Images with their partners in them, both `float32 [n, c, h, w]`, and how much is their own."""
    share = plan.share
    if plan.centre is None:
        return images * share + partners * (1 - share), share
    height, width = int(images.shape[2]), int(images.shape[3])
    top, bottom = _span(height, share, plan.centre[0])
    left, right = _span(width, share, plan.centre[1])
    mixed = images.clone(memory_format=torch.preserve_format)
    mixed[:, :, top:bottom, left:right] = partners[:, :, top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)


def _span(side: int, share: float, centre: float) -> tuple[int, int]:
    """First and last row (or column) of a patch about a centre, as far as it lies inside."""
    half, middle = side * math.sqrt(1 - share) / 2, side * centre
    return max(0, round(middle - half)), min(side, round(middle + half))
