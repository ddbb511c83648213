"""Random fields over an image: what skin and lesions are textured with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Field = NDArray[np.float32]
"""float32 [height, width]."""

_SMOOTHING = 1.35  # Restores the standard deviation that interpolating between independent cells costs.


def smooth_noise(rng: np.random.Generator, height: int, width: int, *, cells: float) -> Field:
    """Draw Gaussian noise whose blobs are about 1/`cells` of the shorter side wide.

    Returns:
        float32 [height, width], mean about 0, standard deviation about 1.
    """
    return fractal_noise(rng, height, width, cells=cells, octaves=1)


def fractal_noise(
    rng: np.random.Generator, height: int, width: int, *, cells: float, octaves: int = 3, decay: float = 0.6
) -> Field:
    """Add noise of ever finer blobs, each octave twice as fine and `decay` times as strong.

    The octaves are added on coarse grids that double, so that only one enlargement is of the image's size.

    Returns:
        float32 [height, width], mean about 0, standard deviation about 1.
    """
    scale = cells / min(height, width)
    # Two more cells than are seen: interpolation at the edges then has neighbours.
    rows, columns = max(2, round(height * scale)) + 2, max(2, round(width * scale)) + 2
    grid = rng.standard_normal((rows, columns), np.float32)
    power, weight = 1.0, 1.0
    for _ in range(octaves - 1):
        rows, columns, weight = 2 * rows, 2 * columns, weight * decay
        grid = _enlarged(grid, rows, columns, edge=0) + np.float32(weight / _SMOOTHING) * rng.standard_normal(
            (rows, columns), np.float32
        )
        power += weight**2
    edge = 2.0 ** (octaves - 1)
    return _enlarged(grid, height, width, edge=edge) * np.float32(_SMOOTHING / np.sqrt(power))


def _enlarged(grid: Field, height: int, width: int, *, edge: float) -> Field:
    """Interpolate a grid, less `edge` cells on each side, to [height, width]."""
    rows, columns = grid.shape
    box = (edge, edge, columns - edge, rows - edge)
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC, box))


def smooth_step(field: Field, low: float, high: float) -> Field:
    """Rise from 0 at `low` to 1 at `high` without corners."""
    share: Field = field - np.float32(low)
    share *= np.float32(1 / (high - low))
    np.clip(share, 0, 1, out=share)
    rise = np.float32(3) - 2 * share
    rise *= share
    rise *= share
    return rise


def plane(height: int, width: int) -> tuple[Field, Field]:
    """Coordinates x to the right and y down about the image's centre, in halves of the shorter side."""
    half = min(height, width) / 2
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / np.float32(half)
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2) / np.float32(half)
    grid_x, grid_y = np.meshgrid(x, y)
    return grid_x, grid_y


def softened(drawing: Image.Image) -> Field:
    """Blur a drawing of mode "L" by a pixel: float32 [height, width], 0..1."""
    return np.asarray(drawing.filter(ImageFilter.BoxBlur(1)), np.float32) / np.float32(255)
