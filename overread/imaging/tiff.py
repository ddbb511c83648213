"""TIFF by Pillow and libtiff: one page, samples of 1 to 16 bits, compressions that notice damage."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from overread.errors import DecodeError
from overread.imaging.limits import DecodeLimits
from overread.imaging.modes import to_rgb
from overread.imaging.quiet import muted_stderr

# Tags of TIFF 6.0, part 1.
_NEW_SUBFILE_TYPE, _BITS_PER_SAMPLE, _COMPRESSION, _PHOTOMETRIC = 254, 258, 259, 262
_SAMPLES_PER_PIXEL = 277
# None, LZW, deflate (both codes), PackBits, LZMA, Zstandard. libtiff goes on after errors in fax codes (2..4)
# and in JPEG (6, 7) and would return half an image.
_UNCOMPRESSED = 1
_COMPRESSIONS_READ = frozenset({_UNCOMPRESSED, 5, 8, 32946, 32773, 34925, 50000})
_MOST_PAGES_LOOKED_AT = 32


def read_tiff(view: memoryview, limits: DecodeLimits) -> NDArray[np.uint8]:
    """Decode a TIFF file of one page to RGB; reduced-size copies beside that page are passed over.

    Uncompressed TIFF has no checksum: a flipped bit inside it stays a changed pixel.

    Returns:
        uint8 [height, width, 3], upright.

    Raises:
        DecodeError: truncated, damaged, too-large, or unsupported: several pages, float or 32-bit samples,
            fax or JPEG compression.
    """
    with muted_stderr(), TiffImagePlugin.TiffImageFile(io.BytesIO(view)) as image:
        limits.check_size(*image.size)
        if _full_pages(image) > 1:
            raise DecodeError(
                "unsupported",
                "expected one image, got a TIFF of several pages",
                todo="save each page as its own file",
            )
        image.seek(0)
        limits.check_size(*image.size)
        bits = int(image.tag_v2.get(_BITS_PER_SAMPLE, (1,))[0])
        _check_compression(image, bits, view.nbytes)
        # Pillow inverts white-is-zero for 1 to 8 bits only.
        inverted = image.mode.startswith("I;16") and image.tag_v2.get(_PHOTOMETRIC) == 0
        return to_rgb(image, bits=bits, inverted=inverted)


def _check_compression(image: TiffImagePlugin.TiffImageFile, bits: int, available: int) -> None:
    """Refuse codes that hide damage, and plain pixels that cannot all be there, before they are allocated."""
    compression = int(image.tag_v2.get(_COMPRESSION, _UNCOMPRESSED))
    if compression not in _COMPRESSIONS_READ:
        raise DecodeError(
            "unsupported",
            f"expected a TIFF without compression or with LZW or deflate, got compression {compression}",
            todo="save the image as PNG",
        )
    row = (image.size[0] * bits * int(image.tag_v2.get(_SAMPLES_PER_PIXEL, 1)) + 7) // 8
    if compression == _UNCOMPRESSED and image.size[1] * row > available:
        raise DecodeError("truncated", "the TIFF data end too early", todo="copy or export the file again")


def _full_pages(image: TiffImagePlugin.TiffImageFile) -> int:
    """Count pages that are images of their own, up to two."""
    pages = 0
    for index in range(_MOST_PAGES_LOOKED_AT):
        try:
            image.seek(index)
        except EOFError:
            break
        if not int(image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)) & 1:
            pages += 1
        if pages > 1:
            break
    return pages
