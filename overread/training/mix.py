"""Mixed images: two of a batch blended (mixup), or a patch of one put into the other (CutMix).

Mixing and label smoothing draw scores towards undecided: a reader's scores are calibrated afterwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
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
    if kind == "none" or len(images) < 2:
        return None
    rng = np.random.default_rng((seed, epoch, batch, 0x313))
    cut = kind == "cutmix" or (kind == "both" and rng.uniform() < 0.5)
    alpha = CUTMIX_ALPHA if cut else MIXUP_ALPHA
    share = float(rng.beta(alpha, alpha))
    partner = torch.from_numpy(rng.permutation(len(images))).to(images.device)
    if not cut:
        return Mixed(images * share + images[partner] * (1 - share), partner, share)
    height, width = int(images.shape[2]), int(images.shape[3])
    top, bottom = _span(height, share, float(rng.uniform()))
    left, right = _span(width, share, float(rng.uniform()))
    mixed = images.clone(memory_format=torch.preserve_format)
    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    return Mixed(mixed, partner, 1 - (bottom - top) * (right - left) / (height * width))


def _span(side: int, share: float, centre: float) -> tuple[int, int]:
    """First and last row (or column) of a patch about a centre, as far as it lies inside."""
    half, middle = side * math.sqrt(1 - share) / 2, side * centre
    return max(0, round(middle - half)), min(side, round(middle + half))
