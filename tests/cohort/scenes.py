"""Generated pictures with structure of every size, for the search for copies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def scene(
    number: int, *, width: int = 96, height: int = 80, variation: float = 0.0, seed: int = 0
) -> NDArray[np.uint8]:
    """Draw picture `number`: noise of several sizes, in colour; uint8 [height, width, 3].

    Args:
        number: Another picture for each.
        width: In pixels.
        height: In pixels.
        variation: Share of another picture mixed in, so that pictures look alike.
        seed: Of that other picture.
    """
    first = _noise(np.random.default_rng([0, number]), width=width, height=height)
    if variation:
        other = _noise(np.random.default_rng([1, seed]), width=width, height=height)
        first = (1 - variation) * first + variation * other
    low, high = first.min(), first.max()
    return ((first - low) * (230 / (high - low)) + 10).astype(np.uint8)


def _noise(rng: np.random.Generator, *, width: int, height: int) -> NDArray[np.float32]:
    total = np.zeros((height, width), np.float32)
    for cells in (4, 8, 16, 32):
        small = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
        total += np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)) / cells**0.8
    return total[:, :, None] * rng.uniform(0.7, 1, 3).astype(np.float32)
