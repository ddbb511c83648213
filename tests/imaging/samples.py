"""Small made images in many encodings, for the tests of decoding."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def picture(height: int = 33, width: int = 40, *, seed: int = 0) -> Image.Image:
    """A smooth colour picture whose sides are no multiples of 8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def grey16() -> NDArray[np.uint16]:
    """Every level of 8 bits as multiples of 257, so that the high byte is the level."""
    return (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def pillow_rgb(content: bytes) -> NDArray[np.uint8]:
    """What FACTS.md section 2 asks for, by Pillow alone: the oracle."""
    from PIL import ImageOps

    with Image.open(io.BytesIO(content)) as image:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def encodings() -> dict[str, bytes]:
    """One file of every kind that is read."""
    image = picture()
    sixteen = Image.fromarray(grey16())
    return {
        "jpeg": encoded(image, "JPEG", exif=oriented(6)),
        "jpeg-progressive": encoded(image, "JPEG", progressive=True, quality=90),
        "jpeg-restarts": encoded(image, "JPEG", restart_marker_blocks=2),
        "jpeg-cmyk": encoded(image.convert("CMYK"), "JPEG"),
        "jpeg-grey": encoded(image.convert("L"), "JPEG"),
        "png": encoded(image, "PNG", exif=oriented(6)),
        "png-palette": encoded(image.convert("P"), "PNG", transparency=bytes(range(256))),
        "png-grey-alpha": encoded(image.convert("LA"), "PNG"),
        "png-16": encoded(sixteen, "PNG"),
        "tiff": encoded(image, "TIFF"),
        "tiff-lzw": encoded(image, "TIFF", compression="tiff_lzw"),
        "tiff-deflate": encoded(image, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-packbits": encoded(image, "TIFF", compression="packbits"),
        "tiff-16": encoded(sixteen, "TIFF"),
    }
