"""Where a lesion's pigment lies: its outline, its depth of melanin, blood, blue veil and regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from overread.imaging.phantoms.fields import Field, fractal_noise, plane, smooth_noise, smooth_step, softened
from overread.imaging.phantoms.traits import LesionTraits

_ANGLES = 2048  # A power of two: indices wrap by a mask.


@dataclass(frozen=True)
class Pigment:
    """A lesion as optical fields, each float32 [height, width].

    Attributes:
        melanin: Optical depth, 0 outside; 0.5 is light brown, 1.5 dark brown, 3 black.
        blood: Optical depth of vessels.
        veil: How blue-grey the skin is there, 0..1: pigment deep in the dermis.
        scar: How white the skin is there, 0..1: regression.
    """

    melanin: Field
    blood: Field
    veil: Field
    scar: Field


def lay_pigment(traits: LesionTraits, rng: np.random.Generator, *, height: int, width: int) -> Pigment:
    """Lay out a lesion near the image's centre."""
    x, y = plane(height, width)
    x = x - np.float32(rng.normal(0, 0.08))
    y = y - np.float32(rng.normal(0, 0.08))
    # Bending the plane makes the outline organic; the more irregular, the more and the finer.
    bend = 0.02 + 0.06 * traits.irregularity
    x = x + np.float32(bend) * fractal_noise(rng, height, width, cells=3, decay=0.5)
    y = y + np.float32(bend) * fractal_noise(rng, height, width, cells=3, decay=0.5)
    radius = traits.diameter * float(rng.uniform(0.95, 1.05))
    depth, mask = _inside(traits, rng, x, y, radius=radius)

    melanin = np.float32(traits.darkness) * _uneven(traits, rng, x, y, radius=radius)
    melanin *= 0.55 + 0.45 * smooth_step(depth, 0.0, 0.7)
    melanin *= _network(traits, rng, x, y)
    blobs = {
        colour: _blob(traits, rng, x, y, radius=radius) * smooth_step(depth, -0.02, 0.12)
        for colour in sorted(traits.colours)
    }
    for colour, depth_added in (("dark-brown", 0.7), ("black", 2.0)):
        if colour in blobs:
            melanin += np.float32(depth_added) * blobs[colour]
    melanin += _globules(traits, rng, height=height, width=width, radius=radius)
    nothing: Field = np.zeros((height, width), np.float32)
    scar, veil = blobs.get("white", nothing), blobs.get("blue-grey", nothing)
    melanin *= 1 - np.float32(0.8) * scar
    blood = np.float32(0.12) * smooth_step(depth, -0.3, 0.2)
    if "red" in blobs:
        blood += np.float32(0.7) * blobs["red"]
    return Pigment(melanin=melanin * mask, blood=blood, veil=veil * mask, scar=scar * mask)


def _inside(
    traits: LesionTraits, rng: np.random.Generator, x: Field, y: Field, *, radius: float
) -> tuple[Field, Field]:
    """How deep inside each pixel lies (1 at the centre, 0 on the border), and how pigmented it is: 0..1."""
    angles = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)
    outline = np.ones(_ANGLES)
    elongation = 0.05 + 0.2 * rng.random()
    outline += elongation * np.cos(2 * (angles - rng.uniform(0, np.pi)))
    for order in (1, 3):
        outline += (
            0.16 * traits.asymmetry * rng.normal() * np.cos(order * (angles - rng.uniform(0, 2 * np.pi)))
        )
    for order in range(4, 13):
        strength = (0.01 + 0.075 * traits.irregularity) / np.sqrt(order - 2)
        outline += strength * rng.normal() * np.cos(order * (angles - rng.uniform(0, 2 * np.pi)))
    sector = np.clip(np.cos(angles - rng.uniform(0, 2 * np.pi)) * 1.5 - 0.2, 0, 1)
    streaks = np.sin(angles * rng.integers(28, 45) + 2 * np.sin(3 * angles))
    outline += 0.09 * traits.streaks * sector * streaks
    outline = radius * np.clip(outline, 0.35, None)
    softness = np.full(_ANGLES, 0.25 + 0.45 * rng.random())
    segments = rng.permutation(8)[: traits.abrupt_segments]
    softness[np.isin(np.arange(_ANGLES) * 8 // _ANGLES, segments)] = 0.09
    kernel = np.hanning(_ANGLES // 16)
    softness = np.convolve(np.tile(softness, 3), kernel / kernel.sum(), "same")[_ANGLES : 2 * _ANGLES]

    index = (np.arctan2(y, x) * np.float32(_ANGLES / (2 * np.pi))).astype(np.intp) & (_ANGLES - 1)
    depth: Field = 1 - np.hypot(x, y) * (1 / outline).astype(np.float32)[index]
    ragged = np.float32(0.06) * fractal_noise(rng, *x.shape, cells=24, octaves=2)
    share = (depth + ragged) * (1 / softness).astype(np.float32)[index]
    return depth, smooth_step(share, -0.4, 0.6)


def _uneven(traits: LesionTraits, rng: np.random.Generator, x: Field, y: Field, *, radius: float) -> Field:
    """Pigment about 1, darker on one side and mottled, as far as the lesion is asymmetric."""
    angle = rng.uniform(0, 2 * np.pi)
    side = (np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y) / np.float32(radius)
    uneven = 1 + np.float32(0.55 * traits.asymmetry) * np.clip(side, -1, 1)
    mottled = fractal_noise(rng, *x.shape, cells=9, octaves=4, decay=0.75)
    uneven += np.float32(0.16 + 0.16 * traits.disorder) * mottled
    return np.clip(uneven, 0.15, None)


def _network(traits: LesionTraits, rng: np.random.Generator, x: Field, y: Field) -> Field:
    """A honeycomb of darker lines round paler holes, as a factor about 1."""
    if traits.network < 0.25:
        return np.ones_like(x)
    pitch = np.float32(2 * np.pi / rng.uniform(0.045, 0.065))
    turn = rng.uniform(0, np.pi)
    warp = np.float32(0.012 + 0.03 * traits.disorder)
    x = x + warp * smooth_noise(rng, *x.shape, cells=9)
    y = y + warp * smooth_noise(rng, *x.shape, cells=9)
    # Three waves at 60 degrees peak on a triangular lattice: the holes; the honeycomb lies between.
    waves: Field = np.zeros_like(x)
    for step in range(3):
        angle = turn + step * np.pi / 3
        waves += np.cos(pitch * (np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y))
    strength = np.float32(0.24 * traits.network)
    if traits.disorder > 0.4:
        return 1 - strength * smooth_step(smooth_noise(rng, *x.shape, cells=4), -0.8, 0.8) * waves
    return 1 - strength * waves


def _blob(traits: LesionTraits, rng: np.random.Generator, x: Field, y: Field, *, radius: float) -> Field:
    """A ragged patch somewhere in the lesion, 0..1, further from its centre the more asymmetric it is."""
    angle, away = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0, 0.2 + 0.6 * traits.asymmetry)
    size = radius * rng.uniform(0.3, 0.6)
    distance = np.hypot(x - np.float32(away * np.cos(angle)), y - np.float32(away * np.sin(angle)))
    noise = np.float32(0.35) * fractal_noise(rng, *x.shape, cells=10)
    return smooth_step(1 - distance / np.float32(size) + noise, -0.3, 1.0)


def _globules(
    traits: LesionTraits, rng: np.random.Generator, *, height: int, width: int, radius: float
) -> Field:
    """Dots and globules as extra melanin: even and central where regular, else uneven and anywhere."""
    if not traits.globules:
        return np.zeros((height, width), np.float32)
    drawing = Image.new("L", (width, height))
    pen = ImageDraw.Draw(drawing)
    half = min(height, width) / 2
    for _ in range(traits.globules):
        away = radius * half * np.sqrt(rng.random()) * (0.55 + 0.4 * traits.disorder)
        angle = rng.uniform(0, 2 * np.pi)
        size = half * 0.02 * np.exp(rng.normal(0, 0.15 + 0.4 * traits.disorder))
        across, down = width / 2 + away * np.cos(angle), height / 2 + away * np.sin(angle)
        tall = size * rng.uniform(0.7, 1.3)
        pen.ellipse(
            (across - size, down - tall, across + size, down + tall), fill=int(rng.integers(120, 256))
        )
    return np.float32(0.9) * softened(drawing)
