"""A small grey picture of every image, by which copies of it are found again.

How it is compared: `overread.imaging.moments`, `overread.imaging.alignment` and `overread.cohort.duplicates`;
why so: docs/explanation/near-duplicates.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 40
"""Rows and columns of the grey picture."""

LONGEST = 1.5
"""Of an image that is longer than this times its short side, the middle is taken."""

FINGERPRINT_BYTES = SIDE * SIDE + 4
"""Pixels row by row; then the shape, the short side and (two bytes) the contrast."""

_ASPECT_STEP = 0.01
_RANGE_STEPS = 128  # of a grey level
_WEIGHT_STEPS = 1 << 12
_FINEST = 2  # pixels of the shrunken image to one of the fingerprint, at least


def fingerprint(pixels: NDArray[np.uint8]) -> bytes:
    """Shrink an image to the grey picture that stands for it.

    All sums are of whole numbers (below 2**53, so exact in any order), hence the same pixels give the same
    bytes on every machine.

    Args:
        pixels: uint8 [height, width, 3], at least 1 × 1.

    Returns:
        `FINGERPRINT_BYTES` bytes.
    """
    height, width = pixels.shape[:2]
    short = min(height, width)
    grey = Image.fromarray(pixels).convert("L")
    wide, high = min(width, LONGEST * short), min(height, LONGEST * short)
    box = ((width - wide) / 2, (height - high) / 2, (width + wide) / 2, (height + high) / 2)
    factor = max(1, short // (_FINEST * SIDE))
    if factor > 1:
        grey = grey.reduce(factor)
    shrunk = np.asarray(grey, np.float64)
    down = _weights(shrunk.shape[0], round(box[1] / factor, 3), round(box[3] / factor, 3))
    across = _weights(shrunk.shape[1], round(box[0] / factor, 3), round(box[2] / factor, 3))
    exact = (down @ shrunk @ across.T).astype(np.int64)  # 2**24 to a grey level
    disc = exact[_disc(wide / high)]
    low, high_value = int(disc.min()), int(disc.max())
    span = max(high_value - low, 1)
    stretched = np.clip((exact - low) * 255 + span // 2, 0, 255 * span) // span
    contrast = min(span * _RANGE_STEPS // _WEIGHT_STEPS**2, 0xFFFF)
    shape = round(float(np.log(wide / high)) / _ASPECT_STEP) + 128
    tail = (shape, min(short, 255), contrast >> 8, contrast & 255)
    return stretched.astype(np.uint8).tobytes() + bytes(tail)


def fingerprints(images: Iterable[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Take the fingerprint of each image: uint8 [n, FINGERPRINT_BYTES]."""
    joined = b"".join(fingerprint(pixels) for pixels in images)
    return np.frombuffer(joined, np.uint8).reshape(-1, FINGERPRINT_BYTES)


@dataclass(frozen=True)
class Pictures:
    """Fingerprints, read."""

    grey: NDArray[np.uint8]
    """[n, SIDE * SIDE], from 0 (the darkest in the disc about the centre) to 255 (the brightest)."""
    shape: NDArray[np.float32]
    """[n], log(width / height) of the part that is shown."""
    short: NDArray[np.int32]
    """[n], pixels of the image's short side; 255 means at least 255."""
    contrast: NDArray[np.float32]
    """[n], grey levels between 0 and 255 of `grey`."""

    @classmethod
    def read(cls, prints: NDArray[np.uint8]) -> Pictures:
        """Read uint8 [n, FINGERPRINT_BYTES]."""
        tail = prints[:, SIDE * SIDE :].astype(np.int32)
        return cls(
            grey=prints[:, : SIDE * SIDE],
            shape=((tail[:, 0] - 128) * _ASPECT_STEP).astype(np.float32),
            short=tail[:, 1],
            contrast=((tail[:, 2] * 256 + tail[:, 3]) / _RANGE_STEPS).astype(np.float32),
        )

    def take(self, rows: NDArray[np.int64]) -> Pictures:
        """Keep some rows, in that order."""
        return Pictures(self.grey[rows], self.shape[rows], self.short[rows], self.contrast[rows])


def half_sides(shape: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Half the width and half the height, in units of half the short side."""
    return np.exp(np.maximum(shape, 0)), np.exp(np.maximum(-shape, 0))


@lru_cache(maxsize=512)
def _weights(size: int, start: float, stop: float) -> NDArray[np.float64]:
    """How much of each of `size` pixels goes into each of SIDE: whole numbers [SIDE, size].

    A triangle as wide as two output pixels (or input pixels, where those are larger), so that a turned
    image is smoothed as the upright one is.
    """
    scale = (stop - start) / SIDE
    reach = max(scale, 1.0)
    centre = start + (np.arange(SIDE) + 0.5) * scale
    distance = np.abs(np.arange(size) + 0.5 - centre[:, None]) / reach
    weight = np.maximum(1 - distance, 0)
    weight = np.asarray(np.round(weight / weight.sum(1, keepdims=True) * _WEIGHT_STEPS), np.float64)
    weight[np.arange(SIDE), weight.argmax(1)] += _WEIGHT_STEPS - weight.sum(1)
    return weight


@lru_cache(maxsize=256)
def _disc(aspect: float) -> NDArray[np.bool_]:
    """Which pixels lie in the largest disc about the centre."""
    middle = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    across, down = max(aspect, 1.0) * middle, max(1 / aspect, 1.0) * middle
    inside: NDArray[np.bool_] = across**2 + down[:, None] ** 2 <= 1
    return inside
