"""Variants of an image that its class does not depend on, for training.

Four transforms vary an image: `flip`, `rotate`, `scale` and `colour`; a policy says how far each may go. What
a worse machine does to a picture (a bent scale of grey, blur, noise, something in the way) is an extra. All
is drawn from a generator that the caller owns, so that a variant can be made again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from overread.imaging.variant import Variant

Policy = Literal["none", "dermoscopy", "chest", "ct"]
Transform = Literal["flip", "rotate", "scale", "colour"]
TRANSFORMS: tuple[Transform, ...] = get_args(Transform)


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
class _Draw:
    """What chance gave for one variant.

    Attributes:
        chance: float64 [16], -1..1. Each transform looks at numbers of its own, so that leaving one out
            changes nothing of the others.
        ranges: How far the policy goes.
        strength: Factor on that.
        upright: Whether the image is not turned by quarters, so that flipping it top to bottom shows
            something new.
    """

    chance: NDArray[np.float64]
    ranges: _Ranges
    strength: float
    upright: bool


def flip(variant: Variant, draw: _Draw) -> Variant:
    """Mirror left to right by the toss of a coin, where the policy allows it.

    Images that may lie any way round, but are not to be turned, are flipped top to bottom by another toss.
    """
    mirror = draw.ranges.mirror and bool(draw.chance[5] < 0)
    upend = draw.upright and draw.ranges.quarter_turns and bool(draw.chance[15] < 0)
    return replace(variant, mirror=mirror, upend=upend)


def rotate(variant: Variant, draw: _Draw) -> Variant:
    """Turn about the centre: within the policy's range and, where images lie any way round, by quarters."""
    ranges, chance = draw.ranges, draw.chance
    turn = ranges.turn * chance[0] * (1.0 if ranges.turn == 180 else draw.strength)
    quarters = int(np.floor(2 * (chance[1] + 1))) if ranges.quarter_turns else 0
    return replace(variant, turn=float(turn), quarters=quarters)


def scale(variant: Variant, draw: _Draw) -> Variant:
    """Frame anew: closer or from further away, with slightly other proportions, slightly off the centre.

    Half of the variants show less than the image (a scale below 1), half a little more.
    """
    ranges, chance, strength = draw.ranges, draw.chance, draw.strength
    area = 1 - (1 - ranges.least_area) * abs(chance[2]) * strength
    closer = np.sqrt(max(area, 0.1))
    further = 1 + (ranges.zoom_out - 1) * abs(chance[2]) * strength
    across, down = (ranges.shift * strength * chance[6:8]).tolist()
    return replace(
        variant,
        scale=float(closer if chance[3] < 0 else further),
        aspect=float(ranges.aspect ** (chance[4] * strength / 2)),
        shift=(across, down),
    )


def colour(variant: Variant, draw: _Draw) -> Variant:
    """Change the light: tint, saturation, contrast, brightness and level."""
    ranges, chance, strength = draw.ranges, draw.chance, draw.strength
    red, green, blue = (1 + ranges.tint * strength * chance[8:11]).tolist()
    return replace(
        variant,
        tint=(red, green, blue),
        saturation=float(1 + ranges.saturation * strength * chance[11]),
        contrast=float(1 + ranges.contrast * strength * chance[12]),
        brightness=float(1 + ranges.brightness * strength * chance[13]),
        level=float(255 * ranges.level * strength * chance[14]),
    )


_STEPS: dict[Transform, Callable[[Variant, _Draw], Variant]] = {
    "flip": flip,
    "rotate": rotate,
    "scale": scale,
    "colour": colour,
}


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
        transforms: Which of "flip", "rotate", "scale" and "colour" are done; None: all that the policy knows.
            Where "flip" is the only one, every variant is flipped one way or another.

    Example:
        >>> pixels = np.zeros((8, 8, 3), np.uint8)
        >>> Augmentation("none")(pixels, np.random.default_rng(0)) is pixels
        True
        >>> Augmentation("dermoscopy", transforms=("flip",)).draw(np.random.default_rng(0)).describe()
        'flip vertical'
    """

    policy: Policy = "none"
    strength: float = 1.0
    wear: float = 0.0
    transforms: tuple[Transform, ...] | None = None

    def __post_init__(self) -> None:
        if self.policy != "none" and self.policy not in _RANGES:
            raise ValueError(f"expected a policy of {['none', *_RANGES]}, got {self.policy!r}")
        if not 0 <= self.strength <= 2:
            raise ValueError(f"expected a strength of 0 to 2, got {self.strength}")
        if not 0 <= self.wear <= 2:
            raise ValueError(f"expected wear of 0 to 2, got {self.wear}")
        if self.transforms is not None:
            self._check_transforms(self.transforms)
            # The order in which they are named means nothing.
            ordered = tuple(one for one in TRANSFORMS if one in self.transforms)
            object.__setattr__(self, "transforms", ordered)

    def _check_transforms(self, transforms: tuple[Transform, ...]) -> None:
        unknown = [one for one in transforms if one not in TRANSFORMS]
        if unknown or not transforms:
            said = repr(unknown[0]) if unknown else "none"
            raise ValueError(f"expected transforms of {', '.join(TRANSFORMS)}, got {said}")
        if self.policy == "none":
            raise ValueError("the policy 'none' changes nothing, so that it has no transforms")
        if "flip" in transforms and not _RANGES[self.policy].mirror:
            raise ValueError(f"the policy {self.policy!r} never flips: left and right mean something")

    def draw(self, rng: np.random.Generator) -> Variant:
        """Draw what becomes of one image, but for `wear`.

        Args:
            rng: Where the chance comes from; advanced by 16 numbers, by none for the policy "none".
        """
        if self.policy == "none":
            return Variant()
        steps = TRANSFORMS if self.transforms is None else self.transforms
        draw = _Draw(rng.uniform(-1.0, 1.0, 16), _RANGES[self.policy], self.strength, "rotate" not in steps)
        variant = Variant()
        for step in steps:
            variant = _STEPS[step](variant, draw)
        if steps == ("flip",) and not variant.upend:
            return replace(variant, mirror=True)
        return variant

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw one variant and make it.

        Args:
            pixels: uint8 [height, width, 3], left unchanged.
            rng: Where the chance comes from; always advanced by the same number of draws.

        Returns:
            uint8 [height, width, 3].
        """
        if self.policy == "none":
            return pixels
        changed = self.draw(rng)(pixels)
        return changed if self.wear == 0 else _worn(Image.fromarray(changed), rng, self.wear)


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
