"""Reading an input's bytes: what is no regular file, or too large, says so."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from overread.errors import DecodeError
from overread.imaging.limits import DecodeLimits


def read_file(path: Path, *, limits: DecodeLimits) -> bytes:
    """The bytes of a regular file.

    Raises:
        DecodeError: `missing-file`, `unreadable-file` or `too-large`.
    """
    try:
        # Not blocking, since a pipe that is called a.jpg would keep us waiting for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as handle:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DecodeError(
                    "unreadable-file",
                    "expected a file, got a pipe or a device",
                    todo="put the image in its place",
                )
            if status.st_size > limits.max_bytes:
                raise DecodeError(
                    "too-large",
                    f"expected at most {limits.max_bytes} bytes, got {status.st_size}",
                    todo="export the image smaller",
                )
            return handle.read()
    except FileNotFoundError as error:
        raise DecodeError("missing-file", "there is no such file", todo="bring it or leave it out") from error
    except OSError as error:
        raise DecodeError(
            "unreadable-file",
            f"could not be opened: {error.strerror or error}",
            todo="check its rights and the disk",
        ) from error
