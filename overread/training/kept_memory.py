"""Memory that training gives back and asks for again thousands of times a minute stays with the process."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

# Parameters of mallopt(3) in glibc, and what they are where nobody has set them.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_USUAL_MMAP_MAX = 65_536
_NEVER, _LATER_TRIM = 2**31 - 1, 64 * 2**20
_SET_BY_USER = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


@contextlib.contextmanager
def kept_memory() -> Iterator[bool]:
    """Let glibc keep freed blocks until the context ends; gives whether it does.

    A block of many megabytes, such as the activations of a batch, is otherwise handed back to the system
    at once, and the next one is filled with zeros page by page: a third of the time of an epoch on a CPU.
    Nothing happens with another C library, or where the environment already says what malloc shall do.
    """
    library = _glibc()
    if library is None:
        yield False
        return
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield True
    finally:
        library.mallopt(_MMAP_MAX, _USUAL_MMAP_MAX)
        library.mallopt(_TRIM_THRESHOLD, _LATER_TRIM)
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if any(name in os.environ for name in _SET_BY_USER):
        return None
    try:
        library = ctypes.CDLL(None)
        has_both = hasattr(library, "mallopt") and hasattr(library, "malloc_trim")
    except (OSError, TypeError):  # Windows names no library by None
        return None
    return library if has_both else None
