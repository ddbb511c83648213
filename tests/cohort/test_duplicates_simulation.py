"""Copies planted among 5,000 images: how many are found, and how many pairs are false."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from overread.cohort.duplicates import find_duplicates
from overread.imaging.fingerprint import fingerprints
from overread.imaging.phantoms import draw_patient, draw_phantom
from tests.cohort.scenes import scene

Pixels = NDArray[np.uint8]
Rng = np.random.Generator

IMAGES, PLANTED = 5000, 100
FAMILIES = 20


def rotate(pixels: Pixels, rng: Rng) -> Pixels:
    if rng.integers(2):
        return np.rot90(pixels, rng.integers(1, 4))
    fill = 255 * int(rng.integers(2))
    turned = Image.fromarray(pixels).rotate(
        float(rng.uniform(5, 355)),
        Image.Resampling.BILINEAR,
        expand=bool(rng.integers(2)),
        fillcolor=(fill,) * 3,
    )
    return np.asarray(turned)


def flip(pixels: Pixels, rng: Rng) -> Pixels:
    return pixels[::-1] if rng.integers(2) else pixels[:, ::-1]


def recompress(pixels: Pixels, rng: Rng) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(30, 91)))
    return np.asarray(Image.open(file).convert("RGB"))


def crop(pixels: Pixels, rng: Rng) -> Pixels:
    height, width = pixels.shape[:2]
    share = 0.9 if rng.integers(2) else 0.9**0.5
    high, wide = round(height * share), round(width * share)
    top, left = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
    part = pixels[top : top + high, left : left + wide]
    if rng.integers(2):
        return part
    return np.asarray(Image.fromarray(part).resize((width, height), Image.Resampling.BICUBIC))


def draw(count: int, seed: int) -> list[Pixels]:
    """Scenes, half of them in families that look alike, and one in twenty a dermoscopy phantom."""
    rng = np.random.default_rng(seed)
    images = []
    for number in range(count):
        width, height = (int(side) for side in rng.integers(56, 97, 2))
        if number % 20 == 0:
            patient = draw_patient(seed, number)
            phantom = Image.fromarray(draw_phantom(seed, patient, 0).pixels)
            phantom.thumbnail((128, 128))
            images.append(np.asarray(phantom))
        elif number % 2:
            family = seed * FAMILIES + number % FAMILIES
            images.append(scene(family, width=width, height=height, variation=0.5, seed=seed + number))
        else:
            images.append(scene(seed * IMAGES + number, width=width, height=height))
    return images


@pytest.mark.slow
def test_planted_copies_are_found_and_hardly_any_other_pair() -> None:
    kinds: list[Callable[[Pixels, Rng], Pixels]] = [rotate, flip, recompress, crop]
    originals = draw(IMAGES - PLANTED * len(kinds), seed=11)
    rng = np.random.default_rng(12)
    chosen = rng.permutation(len(originals))[: PLANTED * len(kinds)]
    planted = [kinds[at // PLANTED](originals[original], rng) for at, original in enumerate(chosen)]
    images = [np.ascontiguousarray(image) for image in originals + planted]
    pairs = {(pair.first, pair.second) for pair in find_duplicates(fingerprints(images))}
    true = {(int(original), len(originals) + at) for at, original in enumerate(chosen)}
    recall = {
        kind.__name__: np.mean(
            [(int(chosen[at]), len(originals) + at) in pairs for at in range(i * 100, i * 100 + 100)]
        )
        for i, kind in enumerate(kinds)
    }
    assert min(recall.values()) >= 0.99, recall
    assert len(pairs - true) <= IMAGES / 1000, len(pairs - true)
