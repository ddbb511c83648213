"""Features of an image and, behind them, encoded metadata: two blocks, of which neither drowns the other.

A backbone gives thousands of features and metadata a dozen columns. Under one penalty, and among features of
which trees are shown a few at a time, the dozen would count as a dozen among thousands. Here the block of
metadata is brought to the variance of the whole block of features, times the square of a weight.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
WEIGHTS = (1.0, 0.03, 0.3, 3.0)
"""What is tried for linear heads on patients left out, the first as long as the penalty is sought: as much
variance as the features have, a thousandth of it (next to nothing is learned), a tenth, or ten times it."""


def column_scales(features: Array, *, beside: int = 0, weight: float = 1.0) -> Array:
    """What each column `[d + m]` is divided by, so that the first d have variance 1 and the others d in all.

    The others keep their proportions: divided by its own deviation, a rare category would count most.

    Args:
        features: `[n, d + m]`.
        beside: m, how many of the last columns are metadata.
        weight: The others' variance is multiplied by its square.
    """
    std = features.std(0)
    scales = np.where(std > 1e-9, std, 1.0)
    if beside:
        spread = float(np.sqrt((std[-beside:] ** 2).sum()))
        scales[-beside:] = (spread if spread > 1e-9 else 1.0) / (
            weight * np.sqrt(image_width(features, beside))
        )
    return scales


def unit_scales(features: Array, *, beside: int = 0, weight: float = 1.0) -> Array:
    """The same, so that images have unit length: one grid of penalties serves any number of features."""
    length = float(np.sqrt(image_width(features, beside)))
    return column_scales(features, beside=beside, weight=weight) * length


def image_width(features: Array, beside: int) -> int:
    """d, how many columns are of the image."""
    return int(features.shape[1]) - beside


def shown_to_trees(features: npt.NDArray[np.float32], beside: int) -> npt.NDArray[np.int64]:
    """Which columns `[k + copies]` are shown to trees: all, and those of metadata several times.

    A node is shown about as many columns as the root of their number, drawn at random. With that many copies
    of each column of metadata, a node is shown about one of them; but in all they are at most half as many
    as the image's own.
    """
    image = features.shape[1] - beside
    times = max(1, min(round(np.sqrt(image)), image // (2 * beside))) if beside else 1
    repeated = np.tile(np.arange(image, image + beside), times)
    return np.concatenate([np.arange(image), repeated]).astype(np.int64)
