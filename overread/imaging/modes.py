"""What each of Pillow's pixel modes becomes as RGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from overread.errors import DecodeError

_CONVERTED = frozenset({"1", "L", "P", "RGB", "RGBA", "RGBX", "RGBa", "LA", "La", "PA", "CMYK", "YCbCr"})


def to_rgb(image: Image.Image, *, bits: int = 8, inverted: bool = False) -> NDArray[np.uint8]:
    """Load an opened image, turn it upright and make it RGB.

    Of samples with more than 8 bits the high byte is kept: exact both for 8-bit values that were multiplied
    by 257 and for those shifted by 8. Alpha is dropped, not blended: under it lies what the camera saw.

    Args:
        image: As Pillow's plugin opened it.
        bits: Bits that a grey sample of mode "I;16" uses, 9 to 16.
        inverted: Whether 0 is white in mode "I;16".

    Returns:
        uint8 [height, width, 3].

    Raises:
        DecodeError: `unsupported` for float and 32-bit samples (no value is known to be white) and for Lab.
    """
    if image.mode.startswith("I;16") and 8 < bits <= 16:
        grey = np.asarray(ImageOps.exif_transpose(image)).astype(np.uint16)
        high = (grey >> (bits - 8)).clip(0, 255).astype(np.uint8)
        return np.repeat((np.invert(high) if inverted else high)[..., None], 3, axis=2)
    if image.mode not in _CONVERTED:
        raise DecodeError(
            "unsupported",
            f"expected samples of 1 to 16 bits in grey or RGB, got Pillow mode {image.mode!r}",
            todo="save the image as 8-bit PNG",
        )
    return np.array(ImageOps.exif_transpose(image).convert("RGB"))
