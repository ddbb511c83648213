"""One variant of an image in numbers: made from pixels, said in words, and made again from the words.

Geometry is one affine map through Pillow (bilinear, once, on mirrored margins); colour is one 3 × 4 matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Matrix = tuple[float, float, float, float, float, float, float, float, float, float, float, float]

UNCHANGED = "unchanged"
"""What is said of a variant that is its image."""

# Rec. 601 luma, what Pillow's "L" uses: saturation moves colours away from or towards it.
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Variant:
    """What is done to an image; the default is nothing.

    In this order: the view of the image is shifted, turned about its centre, scaled and flipped; what is
    missing at the margins is mirrored in. Then tint, saturation, contrast, level and brightness change.

    Attributes:
        mirror: Left and right change places.
        upend: Top and bottom change places.
        quarters: Quarter turns against the clock, 0 to 3.
        turn: Degrees against the clock, besides.
        scale: How much of the image one pixel of the variant shows: below 1 the image is enlarged.
        aspect: Factor by which the variant shows more of the width than of the height.
        shift: How far the view moves, as shares of width and height; positive: to the right and down.
        tint: Factors on red, green and blue.
        saturation: Factor on the distance to grey.
        contrast: Factor on the distance to the mean level.
        brightness: Factor on all levels.
        level: Added to all levels, of 255.
        trim: How much of the edge, as a share of the shorter side, is not mirrored in where something is
            missing: many pictures have a thin frame there, which would stand as lines across the margins.

    Example:
        >>> Variant(mirror=True, turn=37.25, scale=1.08, saturation=1.1).describe()
        'flip horizontal; rotate 37.25°; scale 1.08; saturation ×1.1'
        >>> Variant.parse("flip horizontal; rotate 37.25°") == Variant(mirror=True, turn=37.25)
        True
    """

    mirror: bool = False
    upend: bool = False
    quarters: int = 0
    turn: float = 0.0
    scale: float = 1.0
    aspect: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    saturation: float = 1.0
    contrast: float = 1.0
    brightness: float = 1.0
    level: float = 0.0
    trim: float = 0.0

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Make the variant of an image.

        Args:
            pixels: uint8 [height, width, 3], left unchanged.

        Returns:
            uint8 [height, width, 3], and the same ones each time.
        """
        height, width = pixels.shape[:2]
        affine = self._affine(height=height, width=width)
        corners = affine @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
        reach = max(-corners.min(), (corners[0] - width).max(), (corners[1] - height).max())
        margin = int(np.ceil(max(reach, 0))) + 1
        affine[:, 2] += margin
        edge = round(self.trim * min(height, width)) if reach > 0 else 0
        inner = pixels[edge : height - edge, edge : width - edge]
        # "symmetric" repeats the edge pixel, so that sides of 1 pixel work as well.
        around = (margin + edge, margin + edge)
        padded = np.pad(inner, (around, around, (0, 0)), "symmetric")
        image = Image.fromarray(padded).transform(
            (width, height), Image.Transform.AFFINE, affine.ravel().tolist(), Image.Resampling.BILINEAR
        )
        return np.array(image.convert("RGB", self._colours(mean=float(pixels[::8, ::8].mean()))))

    def describe(self) -> str:
        """What is done, in words that `parse` understands; numbers have all their digits."""
        said = [word(getattr(self, name)) for name, (word, _) in _WORDS.items() if self._does(name)]
        return "; ".join(said) or UNCHANGED

    @classmethod
    def parse(cls, text: str) -> Variant:
        """The variant that some words describe.

        Raises:
            ValueError: They are not what `describe` says.
        """
        found: dict[str, Any] = {}
        for part in [] if text == UNCHANGED else text.split("; "):
            name, value = next(
                ((name, read(part)) for name, (_, read) in _WORDS.items() if read(part) is not None),
                (None, None),
            )
            if name is None or name in found:
                raise ValueError(f"expected what was done to an image once each, got {part!r} in {text!r}")
            found[name] = value
        return cls(**found)

    @property
    def moves(self) -> bool:
        """Whether something may come into view that lies beyond the image."""
        return any(map(self._does, ("quarters", "turn", "scale", "aspect", "shift")))

    def _does(self, name: str) -> bool:
        return bool(getattr(self, name) != getattr(_NOTHING, name))

    def _affine(self, *, height: int, width: int) -> NDArray[np.float64]:
        """The map from the variant's (x, y, 1) to the image's (x, y) about the centre: float64 [2, 3]."""
        turn = self.turn + 90.0 * self.quarters
        across, down = self.scale * self.aspect, self.scale / self.aspect
        across, down = -across if self.mirror else across, -down if self.upend else down
        cosine, sine = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
        linear = np.array([[across * cosine, -down * sine], [across * sine, down * cosine]])
        middle = np.array([width / 2, height / 2])
        shift = np.array(self.shift) * (width, height)
        return np.column_stack([linear, middle + shift - linear @ middle])

    def _colours(self, *, mean: float) -> Matrix:
        """Tint, saturation, contrast and brightness as one matrix [3, 4] over (red, green, blue, 1)."""
        matrix = np.diag(np.array(self.tint))
        saturation = self.saturation
        matrix = (saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), _LUMA)) @ matrix
        offset = np.full((3, 1), mean * (1 - self.contrast) + self.level)
        r, g, b = (self.brightness * np.hstack([self.contrast * matrix, offset])).tolist()
        return (r[0], r[1], r[2], r[3], g[0], g[1], g[2], g[3], b[0], b[1], b[2], b[3])


_NOTHING = Variant()
_Pair = tuple[Callable[[Any], str], Callable[[str], Any]]


def _flag(text: str) -> _Pair:
    return lambda _: text, lambda part: True if part == text else None


def _numbers(before: str, *, between: str = " ", after: str = "", count: int = 1) -> _Pair:
    """Words with so many numbers: "rotate 37.25°"."""

    def say(value: Any) -> str:
        numbers = value if count > 1 else (value,)
        return before + between.join(f"{number!r}{after}" for number in numbers)

    def read(part: str) -> Any:
        if not part.startswith(before) or not part.endswith(after):
            return None
        try:
            numbers = [float(one.removesuffix(after)) for one in part.removeprefix(before).split(between)]
        except ValueError:
            return None
        if len(numbers) != count or not np.isfinite(numbers).all():
            return None
        return tuple(numbers) if count > 1 else numbers[0]

    return say, read


def _quarters() -> _Pair:
    say, read = _numbers("rotate by quarters ")
    return say, lambda part: None if read(part) not in (1.0, 2.0, 3.0) else int(read(part))


_WORDS: dict[str, _Pair] = {
    "mirror": _flag("flip horizontal"),
    "upend": _flag("flip vertical"),
    "quarters": _quarters(),
    "turn": _numbers("rotate ", after="°"),
    "scale": _numbers("scale "),
    "aspect": _numbers("aspect "),
    "shift": _numbers("shift ", count=2),
    "tint": _numbers("tint ×", between=" ×", count=3),
    "saturation": _numbers("saturation ×"),
    "contrast": _numbers("contrast ×"),
    "brightness": _numbers("brightness ×"),
    "level": _numbers("level "),
    "trim": _numbers("trim "),
}
