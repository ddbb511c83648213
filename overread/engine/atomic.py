"""Files that are either whole or not there, whatever ends the process."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from overread.errors import EngineError


@contextmanager
def atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when the block has ended well.

    The bytes go to `NAME.<process id>-<random>.tmp`, are flushed to the disk, and are then renamed. Any error
    leaves what stood at `path` before.

    Args:
        path: The file to write; its folder must exist.

    Raises:
        EngineError: The disk is full, or the file cannot be written.
    """
    # A worker that outlives its parent for a moment, or one on another machine, does not share the file.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with unfinished.open("wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        unfinished.replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink()
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Write a small file so that it is either whole or as it was before.

    Raises:
        EngineError: The disk is full, or the file cannot be written.
    """
    with atomically(path) as handle:
        handle.write(content)


def remove_unfinished(folder: Path) -> None:
    """Remove what interrupted writes left in a folder; does not look into sub-folders."""
    for path in sorted(folder.glob("*.tmp")):
        with suppress(FileNotFoundError):
            path.unlink()


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last through a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def unwritable(path: Path, error: OSError) -> EngineError:
    """Say in one sentence why a file could not be written."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return EngineError(
        f"could not be written: {error.strerror or error}",
        where=str(path),
        todo="free space and run the same command again, what is finished is kept"
        if full
        else "check that the folder exists and may be written to",
    )
