"""A linear head that stands in for one whose answer jumps, where places in an image are to be compared.

Trees look at a few features at a time and say nothing of how much each place adds. What can be shown
honestly is where a linear head that says nearly the same finds its reasons, and how nearly it does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from overread.training.blocks import column_scales
from overread.training.network import LinearHead

Array = npt.NDArray[np.float64]
# Shares of the largest variance, so that one grid serves 64 features and 2,048.
RIDGES = (1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class StandIn:
    """A linear head beside another.

    Attributes:
        head: The linear one.
        explained: Share of the other's variance that it explains on patients left out, mean over outputs; at
            most 1, below 0 where it is worse than a constant.
    """

    head: LinearHead
    explained: float


def fit_stand_in(
    features: Array, logits: Array, fold_of: npt.NDArray[np.int64], *, beside: int = 0
) -> StandIn:
    """Ridge regression (Hoerl & Kennard 1970) of a head's logits, as strong as patients left out want it.

    Args:
        features: `[n, d]`.
        logits: `[n, outputs]`, what the head says of images it was not fitted to: what it says of its own
            says more of them than of it.
        fold_of: `[n]`, patients stay in one fold.
        beside: How many of the last features are metadata.
    """
    variation = ((logits - logits.mean(0)) ** 2).sum(0)
    left = np.zeros((len(RIDGES), logits.shape[1]))
    for fold in np.unique(fold_of):
        inside, outside = fold_of != fold, fold_of == fold
        found = _ridges(features[inside], logits[inside], RIDGES, beside)
        for at, (weight, bias) in enumerate(found):
            left[at] += ((features[outside] @ weight.T + bias - logits[outside]) ** 2).sum(0)
    explained = np.mean(1 - left / np.maximum(variation, 1e-12), 1)
    best = int(np.argmax(explained))
    [(weight, bias)] = _ridges(features, logits, RIDGES[best : best + 1], beside)
    return StandIn(LinearHead(weight, bias), float(explained[best]))


def _ridges(x: Array, y: Array, strengths: tuple[float, ...], beside: int) -> list[tuple[Array, Array]]:
    mean, scale = x.mean(0), column_scales(x, beside=beside)
    u, singular, v = np.linalg.svd((x - mean) / scale, full_matrices=False)
    along = u.T @ (y - y.mean(0))
    found = []
    for strength in strengths:
        shrunk = singular / (singular**2 + strength * float(singular[0]) ** 2 + 1e-12)
        weight = (v.T @ (shrunk[:, None] * along)).T / scale
        found.append((weight, y.mean(0) - weight @ mean))
    return found
