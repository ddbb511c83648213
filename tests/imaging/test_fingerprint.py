from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from overread.imaging.fingerprint import (
    FINGERPRINT_BYTES,
    SIDE,
    Pictures,
    fingerprint,
    fingerprints,
    half_sides,
)


def waves(height: int, width: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """A smooth picture made of whole numbers only."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def grey(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    return Pictures.read(fingerprints([pixels])).grey.astype(np.int64).reshape(SIDE, SIDE)


def test_the_same_pixels_give_the_same_bytes_on_every_machine() -> None:
    y, x = np.mgrid[:150, :200]
    pixels = np.stack([(x * y) % 251, (x + 3 * y) % 256, (7 * x + y * y) % 241], -1).astype(np.uint8)
    known = "61a7b34d5c172436"
    assert hashlib.sha256(fingerprint(pixels)).hexdigest()[:16] == known


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (28, 28), (40, 40), (450, 600), (333, 79), (7, 2000)])
def test_images_of_every_size_have_one(size: tuple[int, int]) -> None:
    found = fingerprint(waves(*size))
    assert len(found) == FINGERPRINT_BYTES
    assert fingerprints([waves(*size)] * 2).shape == (2, FINGERPRINT_BYTES)


def test_what_is_stored_beside_the_grey_picture() -> None:
    wide = np.zeros((100, 140, 3), np.uint8)
    wide[30:70, 50:90] = 200
    read = Pictures.read(fingerprints([wide, wide[:, :100], wide.swapaxes(0, 1), wide[:20, :28]]))
    assert np.allclose(read.shape, [np.log(1.4), 0, -np.log(1.4), np.log(1.4)], atol=0.006)
    assert read.short.tolist() == [100, 100, 100, 20]
    assert np.allclose(read.contrast[:3], 200, atol=0.1)
    assert read.contrast[3] == 0
    width, height = half_sides(read.shape)
    assert np.allclose(width, [1.4, 1, 1, 1.4], atol=0.01)
    assert np.allclose(height, [1, 1, 1.4, 1], atol=0.01)


def test_the_grey_picture_fills_its_range_whatever_the_contrast() -> None:
    pixels = waves(120, 120)
    faint = (pixels.astype(int) // 8 + 100).astype(np.uint8)
    assert (grey(faint).min(), grey(faint).max()) == (0, 255)
    assert np.abs(grey(faint) - grey(pixels)).mean() < 4


def test_size_hardly_matters() -> None:
    pixels = waves(240, 300)
    for factor in (0.5, 2):
        size = (round(300 * factor), round(240 * factor))
        other = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
        assert np.abs(grey(other) - grey(pixels)).max() <= 6


def test_turning_and_mirroring_turns_and_mirrors_the_grey_picture() -> None:
    pixels = waves(200, 200)
    assert np.abs(grey(np.ascontiguousarray(np.rot90(pixels))) - np.rot90(grey(pixels))).max() <= 1
    assert np.abs(grey(np.ascontiguousarray(pixels[:, ::-1])) - grey(pixels)[:, ::-1]).max() <= 1


def test_the_middle_of_a_long_image_is_taken() -> None:
    pixels = waves(60, 300)
    assert np.abs(grey(pixels) - grey(np.ascontiguousarray(pixels[:, 105:195]))).max() <= 1
