"""Encoded bytes to pixels: the one way an image file becomes an array.

Every input ends as pixels or as a `DecodeError` with a machine-readable reason and one sentence. A file
that is damaged is refused, never shown in part: a reader that takes half an image for a whole one is worse
than none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overread.errors import DecodeError
from overread.imaging import jpeg, png, tiff
from overread.imaging.content import Content, view_of
from overread.imaging.limits import DecodeLimits
from overread.imaging.quiet import quiet

IMAGE_SUFFIXES: frozenset[str] = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff"})
"""File name endings, in lower case, that are taken for images when a folder is listed."""

_DEFAULT_LIMITS = DecodeLimits()


@dataclass(frozen=True)
class _Magic:
    """A file type told by its first bytes."""

    media_type: str
    start: bytes
    offset: int = 0
    name: str = ""


_MAGIC: tuple[_Magic, ...] = (
    _Magic("image/jpeg", b"\xff\xd8\xff", name="JPEG"),
    _Magic("image/png", png.SIGNATURE, name="PNG"),
    _Magic("image/tiff", b"II*\x00", name="TIFF"),
    _Magic("image/tiff", b"MM\x00*", name="TIFF"),
    _Magic("image/tiff", b"II+\x00", name="TIFF"),
    _Magic("image/tiff", b"MM\x00+", name="TIFF"),
    _Magic("application/dicom", b"DICM", 128, "DICOM"),
    _Magic("image/gif", b"GIF8", name="GIF"),
    _Magic("image/bmp", b"BM", name="BMP"),
    _Magic("image/webp", b"WEBP", 8, "WebP"),
    _Magic("image/heic", b"ftyphei", 4, "HEIC"),
    _Magic("image/heic", b"ftyphev", 4, "HEIC"),
    _Magic("image/heic", b"ftypmif1", 4, "HEIC"),
    _Magic("image/avif", b"ftypavif", 4, "AVIF"),
    _Magic("image/jp2", b"\x00\x00\x00\x0cjP  ", name="JPEG 2000"),
    _Magic("image/jp2", b"\xff\x4f\xff\x51", name="JPEG 2000"),
    _Magic("image/jxl", b"\xff\x0a", name="JPEG XL"),
    _Magic("image/jxl", b"\x00\x00\x00\x0cJXL ", name="JPEG XL"),
    _Magic("application/pdf", b"%PDF-", name="PDF"),
    _Magic("application/x-nifti", b"n+1\x00", 344, "NIfTI"),
    _Magic("application/zip", b"PK\x03\x04", name="ZIP"),
    _Magic("application/gzip", b"\x1f\x8b", name="gzip"),
)

_READERS: dict[str, Callable[[memoryview, DecodeLimits], NDArray[np.uint8]]] = {
    "image/jpeg": jpeg.read_jpeg,
    "image/png": png.read_png,
    "image/tiff": tiff.read_tiff,
}


def sniff(content: Content) -> str | None:
    """Tell the media type of an encoded file from its first bytes; its name is not asked.

    Args:
        content: The file, or at least its first 348 bytes.

    Returns:
        "image/jpeg", "image/png", "image/tiff", "application/dicom" or the type of another known format; None
        where the bytes are none of them.

    Example:
        >>> sniff(b"%PDF-1.7 ...")
        'application/pdf'
    """
    magic = _magic_of(view_of(content))
    return magic.media_type if magic else None


def decode(content: Content, *, limits: DecodeLimits = _DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """Decode one JPEG, PNG or TIFF file to RGB, as a browser without colour management shows it.

    The EXIF orientation is applied; palettes, 1-bit, grey and CMYK (inverted, as Adobe writes it) become RGB;
    alpha and ICC profiles are left out; of 16-bit samples the high byte is kept, so that 65535 becomes 255.

    Args:
        content: The encoded file: bytes, memoryview or pyarrow.Buffer; JPEG is read from it without a copy.
        limits: What is refused from the header, before pixels are allocated.

    Returns:
        uint8 [height, width, 3], contiguous, the caller's own.

    Raises:
        DecodeError: The content cannot be read whole; `reason` is empty, not-an-image, unsupported,
            truncated, damaged or too-large. No other exception is raised for any content, and no warning.
    """
    view = view_of(content)
    if not view.nbytes:
        raise DecodeError("empty", "expected an image, got a file of 0 bytes", todo="export it again")
    if view.nbytes > limits.max_bytes:
        raise DecodeError(
            "too-large",
            f"expected at most {limits.max_bytes} bytes, got {view.nbytes}",
            todo="export the image smaller",
        )
    magic = _magic_of(view)
    if magic is None:
        raise DecodeError(
            "not-an-image",
            f"expected a JPEG, PNG or TIFF file, but its first bytes are {bytes(view[:8]).hex(' ')}",
            todo="remove it or export it as PNG",
        )
    reader = _READERS.get(magic.media_type)
    if reader is None:
        raise DecodeError(
            "unsupported",
            f"expected a JPEG, PNG or TIFF file, got {magic.name}",
            todo="export the image as PNG",
        )
    try:
        with quiet():
            return reader(view, limits)
    except DecodeError:
        raise
    except MemoryError as error:
        raise DecodeError(
            "too-large", "there is not enough memory for this image", todo="export it smaller"
        ) from error
    except Exception as error:  # Decoders raise a dozen types for damaged files; each is a reject, counted.
        cut = isinstance(error, EOFError) or "truncated" in str(error).lower()
        raise DecodeError(
            "truncated" if cut else "damaged",
            f"the {magic.name} data " + ("end too early" if cut else "are damaged"),
            todo="copy or export the file again",
        ) from error


def _magic_of(view: memoryview) -> _Magic | None:
    head = bytes(view[:348])
    for magic in _MAGIC:
        if head.startswith(magic.start, magic.offset):
            return magic
    return None
