"""PNG files that an archive of arrays is unpacked to: whole or absent."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from overread.engine.atomic import unwritable

_BEGIN, _END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_COMPRESSION = 4


def write_png(path: Path, pixels: NDArray[Any]) -> None:
    """Write a PNG under its name once it is whole.

    Nothing is flushed to the disk: for 100,000 small files that takes longer than all the rest, and what a
    power cut leaves unfinished is seen by `is_whole` and written again.

    Args:
        path: The file.
        pixels: uint8 [h, w] or [h, w, 3].

    Raises:
        EngineError: The disk is full.
    """
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG", compress_level=_COMPRESSION)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(encoded.getbuffer())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def is_whole(path: Path) -> bool:
    """Whether a file begins and ends as a PNG does."""
    try:
        with path.open("rb") as handle:
            begins = handle.read(len(_BEGIN)) == _BEGIN
            handle.seek(-len(_END), os.SEEK_END)
            return begins and handle.read() == _END
    except OSError:
        return False
