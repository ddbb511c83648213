"""One image from wherever the caller has it, as pixels with the hash of what was given."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from overread.errors import DecodeError, UsageError
from overread.imaging import DecodeLimits, decode
from overread.imaging.content import Content, view_of
from overread.imaging.files import read_file

Image: TypeAlias = "Path | str | Content | NDArray[np.uint8]"
"""A file, its encoded bytes (any buffer: bytes, memoryview, pyarrow.Buffer), or pixels uint8 [H, W, 3]."""


def to_pixels(image: Image, *, limits: DecodeLimits, where: str) -> tuple[NDArray[np.uint8], str]:
    """Pixels uint8 [H, W, 3] and the SHA-256 of the encoded file, or of the array's bytes.

    Raises:
        DecodeError: With `where`.
        UsageError: The image is of another kind.
    """
    try:
        if isinstance(image, np.ndarray):
            pixels = _checked(image, limits)
            return pixels, hashlib.sha256(pixels.data).hexdigest()
        content = _read(Path(image), limits) if isinstance(image, str | Path) else _buffer(image)
        return decode(content, limits=limits), hashlib.sha256(content).hexdigest()
    except DecodeError as error:
        raise DecodeError(error.reason, error.what, where=where, todo=error.todo) from error


def _buffer(image: Content) -> memoryview:
    try:
        return view_of(image)
    except TypeError as error:
        raise UsageError(
            f"expected a path, bytes or a uint8 array, got {type(image).__name__}", where="images"
        ) from error


def _read(path: Path, limits: DecodeLimits) -> bytes:
    try:
        return read_file(path, limits=limits)
    except ValueError as error:  # a zero byte in a path that came from a table
        raise DecodeError("missing-file", "no file can have this name", todo="mend the table") from error


def _checked(image: NDArray[np.uint8], limits: DecodeLimits) -> NDArray[np.uint8]:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise DecodeError(
            "unsupported",
            f"expected pixels of uint8 [height, width, 3], got {image.dtype} {list(image.shape)}",
            todo="convert the array, or give the encoded file",
        )
    limits.check_size(image.shape[1], image.shape[0])
    return np.ascontiguousarray(image)
