"""JPEG by libjpeg-turbo, strictly: what libjpeg would only warn about is refused.

libjpeg fills the rest of a truncated or bit-flipped file with grey and goes on. `simplejpeg` reports each
such warning as an error; its pixels are those of Pillow, byte for byte, because both use libjpeg-turbo's
defaults.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from overread.errors import DecodeError
from overread.imaging.limits import DecodeLimits

_MOST_SCANS = (
    500  # libjpeg-turbo's own bound (TJPARAM_SCANLIMIT in its fuzzers): more is an attack on the CPU.
)
_AGAIN = "copy or export the file again"
_ORIENTATION_TAG = 0x0112
# Marker codes of ITU-T T.81, table B.1.
_SOF_READ = frozenset({0xC0, 0xC1, 0xC2})
_SOF_OTHER = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_EOI, _SOS, _APP1 = 0xD9, 0xDA, 0xE1


@dataclass(frozen=True)
class JpegHeader:
    """What stands before the first scan.

    Attributes:
        frame: The start-of-frame marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive; others are not read.
        precision: Bits a sample.
        orientation: EXIF orientation 1..8; 1 where it is not stated or cannot be understood.
        scan: Where the first scan begins, in bytes from the start.
    """

    frame: int
    precision: int
    orientation: int
    scan: int


def read_jpeg(view: memoryview, limits: DecodeLimits) -> NDArray[np.uint8]:
    """Decode a JPEG file to RGB.

    Returns:
        uint8 [height, width, 3], upright.

    Raises:
        DecodeError: unsupported, truncated, damaged or too-large.
    """
    header = read_header(view)
    if header.frame in _SOF_OTHER or header.precision != 8:
        raise DecodeError(
            "unsupported",
            f"expected 8-bit baseline or progressive JPEG, got {header.precision}-bit "
            f"SOF{header.frame - 0xC0}",
            todo="export the image as PNG",
        )
    data = np.frombuffer(view, np.uint8)
    if header.frame == 0xC2:
        scans = int(np.count_nonzero((data[:-1] == 0xFF) & (data[1:] == _SOS)))
        if scans > _MOST_SCANS:
            raise DecodeError(
                "too-large", f"expected at most {_MOST_SCANS} scans, got {scans}", todo="export it again"
            )
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        limits.check_size(width, height)
        wanted = "CMYK" if colours in ("CMYK", "YCCK") else "RGB"
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colorspace=wanted, strict=True)
    except ValueError as error:
        ends = bytes(view[header.scan :]).rfind(b"\xff\xd9") >= 0
        raise _refusal(str(error), ends=ends) from error
    if wanted == "CMYK":
        pixels = _cmyk_to_rgb(pixels)
    return upright(pixels, header.orientation)


def read_header(view: memoryview) -> JpegHeader:
    """Walk the marker segments up to the first scan (ITU-T T.81, annex B).

    Raises:
        DecodeError: `truncated` where the file ends before the first scan, `damaged` where it has no frame.
    """
    position, end = 2, view.nbytes
    frame, precision, orientation = 0, 0, 0
    while position + 4 <= end:
        if view[position] != 0xFF:
            position += 1
            continue
        marker = view[position + 1]
        if marker in (0xFF, 0x00) or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker == _EOI:
            raise DecodeError("damaged", "the JPEG data hold no image", todo=_AGAIN)
        length = view[position + 2] << 8 | view[position + 3]
        if position + 2 + length > end:
            break
        body = view[position + 4 : position + 2 + length]
        if marker == _SOS:
            if not frame:
                raise DecodeError("damaged", "the JPEG data have no frame header", todo=_AGAIN)
            return JpegHeader(frame, precision, orientation or 1, position)
        if marker in _SOF_READ or marker in _SOF_OTHER:
            frame, precision = marker, body[0] if len(body) else 0
        elif marker == _APP1 and not orientation and bytes(body[:6]) == b"Exif\0\0":
            orientation = exif_orientation(body[6:])
        position += 2 + max(length, 2)
    raise DecodeError("truncated", "the JPEG data end before the image", todo=_AGAIN)


def exif_orientation(exif: memoryview | bytes) -> int:
    """Read the orientation from an EXIF block: tag 0x0112 of the first directory (Exif 2.32, 4.6.4).

    Args:
        exif: A TIFF structure, beginning with its byte order.

    Returns:
        1..8; 0 where it is not stated or the block is damaged, which does not make the pixels wrong.
    """
    order: Literal["<", ">"] = "<" if bytes(exif[:2]) == b"II" else ">"
    try:
        (start,) = struct.unpack_from(order + "L", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(entries):
            tag, kind, count = struct.unpack_from(order + "HHL", exif, start + 2 + 12 * entry)
            if tag == _ORIENTATION_TAG and count == 1 and kind in (1, 3, 4):
                code = {1: "B", 3: "H", 4: "L"}[kind]
                (value,) = struct.unpack_from(order + code, exif, start + 10 + 12 * entry)
                return int(value) if 1 <= value <= 8 else 0
    except struct.error:
        return 0
    return 0


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn pixels [height, width, …] as their EXIF orientation 1..8 asks (Exif 2.32, table 6)."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _cmyk_to_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn CMYK as Adobe stores it, 255 meaning no ink, into RGB by Pillow's arithmetic."""
    height, width, _ = pixels.shape
    inks = Image.frombuffer("CMYK", (width, height), np.invert(pixels), "raw", "CMYK", 0, 1)
    return np.array(inks.convert("RGB"))


def _refusal(message: str, *, ends: bool) -> DecodeError:
    """Say what libjpeg's message means; `ends`: whether an end-of-image marker follows the first scan."""
    if "Premature end of JPEG file" in message or not ends:
        return DecodeError("truncated", "the JPEG data end too early", todo=_AGAIN)
    if "Unsupported" in message or "subsampling" in message or "colorspace" in message:
        return DecodeError(
            "unsupported", f"this kind of JPEG is not read ({message})", todo="export the image as PNG"
        )
    return DecodeError("damaged", f"the JPEG data are damaged ({message})", todo=_AGAIN)
