"""What is measured once of every image that is read: how it was compressed, its border, its exposure.

None of it says what a picture shows; where it tells the classes apart all the same, a reader may learn it
instead of the disease. Statistics of pixels come from a regular sub-sample of at most 128 x 128, which
moves a mean by less than one grey level in photographs and keeps the cost far below that of decoding.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overread.imaging.content import Content, view_of

MEASURE_FIELDS: tuple[pa.Field, ...] = (
    pa.field("jpeg_quality", pa.float32()),
    pa.field("jpeg_step", pa.float32()),
    pa.field("border_red", pa.float32()),
    pa.field("border_green", pa.float32()),
    pa.field("border_blue", pa.float32()),
    pa.field("border_spread", pa.float32()),
    pa.field("brightness_mean", pa.float32()),
    pa.field("brightness_spread", pa.float32()),
    pa.field("dark_share", pa.float32()),
    pa.field("bright_share", pa.float32()),
    pa.field("colourfulness", pa.float32()),
    pa.field("grey", pa.bool_()),
)
"""`jpeg_quality`: 1..100 as libjpeg counts; null for other formats and for quantisation tables that no
quality of libjpeg makes. `jpeg_step`: mean step of the luminance quantisation table, 1 (fine) upwards,
for every JPEG. `border_red`, `border_green`, `border_blue`: mean colour, 0..255, of a band along the edges
as wide as 5 % of each side; `border_spread`: standard deviation of its brightness. `brightness_mean`,
`brightness_spread`: mean and standard deviation of luma, 0..255. `dark_share`, `bright_share`: shares, 0..1,
of pixels with luma ≤ 10 and ≥ 245. `colourfulness`: 0 for grey, about 15 slight, about 60 high.
`grey`: whether red, green and blue are equal in every pixel looked at."""

_MOST_SAMPLES = 128  # a side
_BORDER = 0.05  # of a side
_DARK, _BRIGHT = 10, 245

# ITU-T T.81, table K.1 (luminance), row by row.
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
_DQT, _SOS, _EOI = 0xDB, 0xDA, 0xD9
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def measure(content: Content, pixels: NDArray[np.uint8]) -> dict[str, float | int | None]:
    """Measure an image that has been decoded.

    Args:
        content: Its encoded file.
        pixels: uint8 [height, width, 3], at least one pixel.

    Returns:
        The names of `MEASURE_FIELDS` → values; None where a measure does not apply.
    """
    steps = luminance_steps(content)
    stride = -(-max(pixels.shape[:2]) // _MOST_SAMPLES)
    # What the stride leaves over lies half on either side, so that no edge is looked at more than the other.
    sample = pixels[
        (pixels.shape[0] - 1) % stride // 2 :: stride, (pixels.shape[1] - 1) % stride // 2 :: stride
    ]
    red, green, blue = (np.ascontiguousarray(sample[..., channel]) for channel in range(3))
    # Luma of ITU-R BT.601, rounded, by the integers of Pillow's "L".
    weighed = red * np.uint32(19595) + green * np.uint32(38470) + blue * np.uint32(7471)
    luma = ((weighed + np.uint32(32768)) >> np.uint32(16)).astype(np.uint8)
    grey = bool(np.array_equal(red, green) and np.array_equal(green, blue))
    border = _border(luma)
    counts = np.bincount(luma.ravel(), minlength=256)
    mean, spread = _moments(counts)
    border_mean, border_spread = _moments(np.bincount(border, minlength=256))
    return {
        "jpeg_quality": None if steps is None else _qualities().get(steps),
        "jpeg_step": None if steps is None else sum(steps) / len(steps),
        "border_red": border_mean if grey else float(_border(red).mean()),
        "border_green": border_mean if grey else float(_border(green).mean()),
        "border_blue": border_mean if grey else float(_border(blue).mean()),
        "border_spread": border_spread,
        "brightness_mean": mean,
        "brightness_spread": spread,
        "dark_share": float(counts[: _DARK + 1].sum() / luma.size),
        "bright_share": float(counts[_BRIGHT:].sum() / luma.size),
        "colourfulness": 0.0 if grey else _colourfulness(red, green, blue),
        "grey": grey,
    }


def luminance_steps(content: Content) -> tuple[int, ...] | None:
    """The quantisation table of a JPEG file's first component: 64 steps in zig-zag order.

    Returns:
        None for other formats, and where the file's headers are not whole.

    Source: ITU-T T.81, B.2.4.1 (tables) and B.2.2 (which component uses which).
    """
    view = view_of(content)
    if bytes(view[:2]) != b"\xff\xd8":
        return None
    tables: dict[int, tuple[int, ...]] = {}
    wanted, position, end = 0, 2, view.nbytes
    while position + 4 <= end:
        marker = view[position + 1]
        if view[position] != 0xFF or marker in (0x00, 0xFF):
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        if marker in (_SOS, _EOI):
            break
        length = view[position + 2] << 8 | view[position + 3]
        body = bytes(view[position + 4 : position + 2 + length])
        if marker == _DQT:
            tables.update(_tables(body))
        elif marker in _FRAMES and len(body) >= 9:
            wanted = body[8]
        position += 2 + max(length, 2)
    return tables.get(wanted)


def scaled_luminance(quality: int, *, most: int = 255) -> tuple[int, ...]:
    """The luminance table that libjpeg makes for a quality 1..100: 64 steps in zig-zag order, 1..`most`.

    Source: libjpeg, jcparam.c (jpeg_quality_scaling, jpeg_add_quant_table).
    """
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(max((_LUMINANCE[at] * scale + 50) // 100, 1), most) for at in _zig_zag())


@lru_cache(maxsize=1)
def _qualities() -> dict[tuple[int, ...], float]:
    """Table → quality; 16-bit tables keep steps above 255."""
    return {
        scaled_luminance(quality, most=most): float(quality)
        for most in (255, 32767)
        for quality in range(1, 101)
    }


def _zig_zag() -> list[int]:
    """Places of a row-by-row 8 x 8 table in zig-zag order (ITU-T T.81, figure A.6)."""
    places = [(row, column) for row in range(8) for column in range(8)]
    return [
        8 * row + column
        for row, column in sorted(places, key=lambda at: (sum(at), at[0] if sum(at) % 2 else at[1]))
    ]


def _tables(body: bytes) -> dict[int, tuple[int, ...]]:
    """The whole tables of one DQT segment: number → 64 steps."""
    found, at = {}, 0
    while at < len(body):
        wide, number = body[at] >> 4, body[at] & 15
        size = 128 if wide else 64
        steps = body[at + 1 : at + 1 + size]
        if len(steps) == size:
            found[number] = (
                tuple(high << 8 | low for high, low in zip(steps[::2], steps[1::2], strict=True))
                if wide
                else tuple(steps)
            )
        at += 1 + size
    return found


def _border(channel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels of a band along the edges, each once: uint8 [n]."""
    height, width = channel.shape
    high, wide = (max(1, round(_BORDER * side)) for side in (height, width))
    if height <= 2 * high or width <= 2 * wide:
        return channel.ravel()
    inner = channel[high:-high]
    sides = (channel[:high], channel[-high:], inner[:, :wide], inner[:, -wide:])
    return np.concatenate([side.ravel() for side in sides])


def _moments(counts: NDArray[np.intp]) -> tuple[float, float]:
    """Mean and standard deviation of grey levels, from how often each occurs: int [256]."""
    levels = np.arange(256)
    total = int(counts.sum())
    first, second = int(counts @ levels), int(counts @ (levels * levels))
    return first / total, max(0, total * second - first * first) ** 0.5 / total


def _colourfulness(red: NDArray[np.uint8], green: NDArray[np.uint8], blue: NDArray[np.uint8]) -> float:
    """Source: Hasler & Süsstrunk, Measuring colourfulness in natural images, SPIE 2003, metric M3."""
    first = red.astype(np.float32) - green
    second = 0.5 * (red.astype(np.float32) + green) - blue
    spread = float(np.hypot(first.std(), second.std()))
    return spread + 0.3 * float(np.hypot(first.mean(), second.mean()))
