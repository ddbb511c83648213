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
            limits.check_bytes(status.st_size)
            return handle.read()
    except FileNotFoundError as error:
        raise missing_file() from error
    except OSError as error:
        raise unreadable_file(str(error.strerror or error)) from error


def missing_file() -> DecodeError:
    """What is said of a file that is not there, wherever it should be."""
    return DecodeError("missing-file", "there is no such file", todo="bring it or leave it out")


def unreadable_file(why: str) -> DecodeError:
    """What is said of a file that is there and cannot be opened."""
    return DecodeError("unreadable-file", f"could not be opened: {why}", todo="check its rights and the disk")
