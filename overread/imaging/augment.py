"""Variants of an image that its class does not depend on, for training.

Geometry is one affine map through Pillow (bilinear, once, on mirrored margins); colour is one 3 × 4 matrix.
What a worse machine does to a picture (a bent scale of grey, blur, noise, something in the way) is an extra.
All is drawn from a generator that the caller owns, so that a variant can be made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Policy = Literal["none", "dermoscopy", "chest", "ct"]
Matrix = tuple[float, float, float, float, float, float, float, float, float, float, float, float]

# Rec. 601 luma, what Pillow's "L" uses: saturation moves colours away from or towards it.
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class _Ranges:
    """How far a policy goes; every range is uniform and symmetric about no change.

    Attributes:
        turn: Largest rotation either way, in degrees.
        mirror: Whether the image may be mirrored.
        quarter_turns: Whether the image may also be turned by 90, 180 or 270 degrees.
        least_area: Least share of the image's area that is kept when zooming in.
        zoom_out: Largest factor by which the image is made smaller.
        aspect: Largest factor by which the sides' ratio changes.
        shift: Largest shift, as a share of the side.
        brightness: Largest relative change of all levels.
        contrast: Largest relative change of the distance to the mean level.
        saturation: Largest relative change of the distance to grey.
        tint: Largest relative change of one channel against the others (light source, skin).
        level: Largest shift of all levels, as a share of 255.
    """

    turn: float
    mirror: bool
    quarter_turns: bool
    least_area: float
    zoom_out: float
    aspect: float
    shift: float
    brightness: float
    contrast: float
    saturation: float
    tint: float
    level: float = 0.0


_RANGES: dict[str, _Ranges] = {
    # A dermatoscope has no up and down; colour is a sign of disease, so it may only move a little.
    "dermoscopy": _Ranges(180.0, True, True, 0.6, 1.1, 1.1, 0.05, 0.12, 0.15, 0.15, 0.04),
    # The heart lies left: no mirroring. Grey stays grey.
    "chest": _Ranges(7.0, False, False, 0.7, 1.15, 1.05, 0.04, 0.15, 0.2, 0.0, 0.0),
    # A patch of a scan may lie any way round; its levels are Hounsfield units, so they hardly move.
    "ct": _Ranges(10.0, True, True, 0.8, 1.1, 1.05, 0.04, 0.0, 0.1, 0.0, 0.0, 0.04),
}

# How far `wear` goes at most: the exponent's logarithm, shares of the side, grey levels.
_GAMMA, _BLUR, _NOISE, _HIDDEN = 0.4, 0.03, 8.0, 0.4


@dataclass(frozen=True)
class Augmentation:
    """A policy that turns one image into a random variant of the same size.

    Attributes:
        policy: "dermoscopy" (any rotation, mirrored, zoomed, slightly recoloured), "chest" (small rotation,
            shift and zoom, brightness and contrast), "ct" (any quarter turn, mirrored, slightly shifted,
            zoomed and brightened) or "none" (unchanged).
        strength: Factor on how far the variants go; quarter turns, mirroring and the rotation of
            "dermoscopy" stay whole.
        wear: How much images also suffer from a bent scale of grey, blur, noise and a patch that is hidden
            (Zhong 2020), each in half of the variants; 0: not at all.

    Example:
        >>> pixels = np.zeros((8, 8, 3), np.uint8)
        >>> Augmentation("none")(pixels, np.random.default_rng(0)) is pixels
        True
    """

    policy: Policy = "none"
    strength: float = 1.0
    wear: float = 0.0

    def __post_init__(self) -> None:
        if self.policy != "none" and self.policy not in _RANGES:
            raise ValueError(f"expected a policy of {['none', *_RANGES]}, got {self.policy!r}")
        if not 0 <= self.strength <= 2:
            raise ValueError(f"expected a strength of 0 to 2, got {self.strength}")
        if not 0 <= self.wear <= 2:
            raise ValueError(f"expected wear of 0 to 2, got {self.wear}")

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw one variant.

        Args:
            pixels: uint8 [height, width, 3], left unchanged.
            rng: Where the chance comes from; always advanced by the same number of draws.

        Returns:
            uint8 [height, width, 3].
        """
        if self.policy == "none":
            return pixels
        ranges = _RANGES[self.policy]
        chance = rng.uniform(-1.0, 1.0, 16)
        height, width = pixels.shape[:2]
        affine = _affine(ranges, chance, self.strength, height=height, width=width)
        corners = affine @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
        reach = max(-corners.min(), (corners[0] - width).max(), (corners[1] - height).max())
        margin = int(np.ceil(max(reach, 0))) + 1
        affine[:, 2] += margin
        # "symmetric" repeats the edge pixel, so that sides of 1 pixel work as well.
        padded = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), "symmetric")
        image = Image.fromarray(padded).transform(
            (width, height), Image.Transform.AFFINE, affine.ravel().tolist(), Image.Resampling.BILINEAR
        )
        colours = _colours(ranges, chance, self.strength, mean=float(pixels[::8, ::8].mean()))
        changed = image.convert("RGB", colours)
        return np.array(changed) if self.wear == 0 else _worn(changed, rng, self.wear)


def _affine(
    ranges: _Ranges, chance: NDArray[np.float64], strength: float, *, height: int, width: int
) -> NDArray[np.float64]:
    """Draw the map from a variant's (x, y, 1) to the image's (x, y) about the centre: float64 [2, 3]."""
    turn = ranges.turn * chance[0] * (1.0 if ranges.turn == 180 else strength)
    if ranges.quarter_turns:
        turn += 90 * np.floor(2 * (chance[1] + 1))
    # Half of the variants show less (the scale below 1), half a little more than the image.
    area = 1 - (1 - ranges.least_area) * abs(chance[2]) * strength
    scale = (
        float(np.sqrt(max(area, 0.1)))
        if chance[3] < 0
        else 1 + (ranges.zoom_out - 1) * abs(chance[2]) * strength
    )
    aspect = ranges.aspect ** (chance[4] * strength / 2)
    across, down = scale * aspect, scale / aspect
    if ranges.mirror and chance[5] < 0:
        across = -across
    cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    linear = np.array([[across * cosine, -down * sine], [across * sine, down * cosine]])
    middle = np.array([width / 2, height / 2])
    shift = ranges.shift * strength * chance[6:8] * (width, height)
    return np.column_stack([linear, middle + shift - linear @ middle])


def _colours(ranges: _Ranges, chance: NDArray[np.float64], strength: float, *, mean: float) -> Matrix:
    """Draw tint, saturation, contrast and brightness as one matrix [3, 4] over (red, green, blue, 1)."""
    matrix = np.diag(1 + ranges.tint * strength * chance[8:11])
    saturation = 1 + ranges.saturation * strength * chance[11]
    matrix = (saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), _LUMA)) @ matrix
    contrast = 1 + ranges.contrast * strength * chance[12]
    brightness = 1 + ranges.brightness * strength * chance[13]
    level = 255 * ranges.level * strength * chance[14]
    offset = np.full((3, 1), mean * (1 - contrast) + level)
    r, g, b = (brightness * np.hstack([contrast * matrix, offset])).tolist()
    return (r[0], r[1], r[2], r[3], g[0], g[1], g[2], g[3], b[0], b[1], b[2], b[3])


def _worn(image: Image.Image, rng: np.random.Generator, wear: float) -> NDArray[np.uint8]:
    """Bend the scale of grey, blur, hide a patch and add noise, each by the toss of a coin.

    Returns:
        uint8 [height, width, 3]; grey images stay grey.
    """
    chance = rng.uniform(-1.0, 1.0, 12)
    grain = rng.standard_normal((image.height, image.width, 1), np.float32)
    if chance[0] < 0:
        scale = (np.arange(256) / 255) ** np.exp(_GAMMA * wear * chance[1]) * 255
        image = image.point(np.rint(scale).astype(int).tolist() * 3)
    if chance[2] < 0:
        image = image.filter(ImageFilter.GaussianBlur(_BLUR * wear * float(abs(chance[3])) * min(image.size)))
    pixels = np.array(image)
    if chance[4] < 0:
        height, width = pixels.shape[:2]
        share = _HIDDEN * min(wear, 1.0) * np.abs(chance[5:7])
        tall, wide = np.ceil(share * (height, width)).astype(int)
        top = int((chance[7] + 1) / 2 * (height - tall))
        left = int((chance[8] + 1) / 2 * (width - wide))
        pixels[top : top + tall, left : left + wide] = np.rint(pixels.mean((0, 1))).astype(np.uint8)
    if chance[9] < 0:
        noisy = pixels + _NOISE * wear * abs(chance[10]) * grain
        pixels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return pixels
