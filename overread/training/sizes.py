"""One network, one image, several sizes: smaller ones are made of the largest inside the graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn


class Smaller(nn.Module):
    """A square image as a smaller one: each pixel the mean of the area it covers.

    Two matrix products, which every runtime computes alike. On photographs shown at 321 and 225 pixels the
    features are closer to those of an image resized at once than by the triangle filter (docs, "training").

    Args:
        size: Side of what comes, pixels.
        wanted: Side of what goes on, pixels, at most `size`.
    """

    shares: Tensor

    def __init__(self, size: int, wanted: int) -> None:
        super().__init__()
        shares = torch.from_numpy(area_shares(size, wanted).astype(np.float32))
        self.register_buffer("shares", shares, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images `float32 [n, c, size, size]` to `float32 [n, c, wanted, wanted]`."""
        return self.shares @ images @ self.shares.T


def largest_first(size: int, more: Sequence[int]) -> tuple[int, ...]:
    """All sides at which an image is looked at, pixels, each once.

    Example:
        >>> largest_first(225, [449, 225])
        (449, 225)
    """
    return tuple(sorted({size, *more}, reverse=True))


def area_shares(size: int, wanted: int) -> npt.NDArray[np.float64]:
    """Weights `[wanted, size]` that average `size` cells into `wanted` cells of equal area.

    Rows sum to 1 and columns to `wanted / size`, so the mean is kept whatever the two sizes are.

    Example:
        >>> area_shares(3, 2)
        array([[0.66666667, 0.33333333, 0.        ],
               [0.        , 0.33333333, 0.66666667]])
    """
    edges = np.arange(wanted + 1) * (size / wanted)
    cells = np.arange(size)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return np.asarray(np.clip(overlap, 0, None) * (wanted / size), np.float64)
