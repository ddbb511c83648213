"""The skin round a lesion, and how pigment in it looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overread.imaging.phantoms.fields import Field, fractal_noise, plane, smooth_noise, smooth_step
from overread.imaging.phantoms.lesion import Pigment

# Optical depth in red, green and blue for one unit: melanin absorbs blue most, blood green.
_MELANIN = np.array([0.62, 1.05, 1.45], np.float32)
_BLOOD = np.array([0.14, 0.85, 0.70], np.float32)
_VEIL = np.array([0.46, 0.47, 0.54], np.float32)
_SCAR = np.array([0.90, 0.83, 0.81], np.float32)
_DERMIS = np.array([0.94, 0.85, 0.83], np.float32)


@dataclass(frozen=True)
class Skin:
    """One patient's skin.

    Attributes:
        melanin: Optical depth of the tan, 0 (very fair) to about 0.4 (brown).
        redness: Optical depth of blood, about 0..0.2.
        mottling: Strength of visible small vessels, 0..1.
        lines: Strength of the skin's relief, 0..1.
        freckles: Strength of sun spots, 0..1.
        hairs: Mean number of hairs in an image.
    """

    melanin: float
    redness: float
    mottling: float
    lines: float
    freckles: float
    hairs: float


def draw_skin(rng: np.random.Generator) -> Skin:
    """Draw one patient's skin; most are fair, as in the public dermoscopy sets."""
    return Skin(
        melanin=float(0.4 * rng.beta(1.2, 4.0)),
        redness=float(0.18 * rng.beta(1.3, 2.5)),
        mottling=float(rng.beta(1.2, 3.0)),
        lines=float(rng.beta(1.5, 3.0)),
        freckles=float(rng.beta(0.6, 3.0)),
        hairs=float(rng.choice([0.0, 2.0, 8.0, 20.0], p=[0.45, 0.3, 0.17, 0.08])),
    )


def colour_skin(skin: Skin, pigment: Pigment, rng: np.random.Generator) -> NDArray[np.float32]:
    """Shine through skin and lesion (Beer-Lambert: light falls exponentially with optical depth).

    Returns:
        float32 [3, height, width], reflectance 0..1.
    """
    height, width = pigment.melanin.shape
    melanin = pigment.melanin + np.float32(skin.melanin) * _tan(skin, rng, height=height, width=width)
    vessels = smooth_step(fractal_noise(rng, height, width, cells=12, octaves=3, decay=0.8), 0.0, 2.5)
    blood = pigment.blood + np.float32(skin.redness) + np.float32(0.25 * skin.mottling) * vessels
    blood += np.float32(0.03) * smooth_noise(rng, height, width, cells=2)
    # A veil hides what lies under it, but for the darkest.
    shade = np.exp(np.float32(-0.18) * melanin)
    veil = np.float32(0.75) * pigment.veil
    shown = np.empty((3, height, width), np.float32)
    for channel in range(3):
        light = _DERMIS[channel] * np.exp(-(_MELANIN[channel] * melanin + _BLOOD[channel] * blood))
        light += veil * (_VEIL[channel] * shade - light)
        light += np.float32(0.45) * pigment.scar * (_SCAR[channel] - light)
        shown[channel] = light
    return shown


def _tan(skin: Skin, rng: np.random.Generator, *, height: int, width: int) -> Field:
    """The skin's own pigment about 1: blotches, crossing furrows, sun spots."""
    x, y = plane(height, width)
    tan: Field = 1 + np.float32(0.15) * fractal_noise(rng, height, width, cells=4, octaves=4)
    turn = rng.uniform(0, np.pi)
    bend = np.float32(1.5) * smooth_noise(rng, height, width, cells=5)
    for angle in (turn, turn + 1.2):
        across = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
        tan += np.float32(0.12 * skin.lines) * np.cos(np.float32(75) * across + bend)
    spots = smooth_step(smooth_noise(rng, height, width, cells=11), 1.2, 3.2)
    np.clip(tan, 0.2, None, out=tan)
    tan += np.float32(0.6 * skin.freckles / max(skin.melanin, 0.1)) * spots
    return tan
