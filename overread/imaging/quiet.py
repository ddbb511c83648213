"""Silence for decoders that grumble about files which are then refused, with a reason, anyway."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_saved: warnings.catch_warnings[None] | None = None


@contextmanager
def quiet() -> Iterator[None]:
    """Let no warning out of the block, nor any filter that turns warnings into errors into it.

    `warnings.catch_warnings` alone leaves the filters wrong when two threads overlap: here the first one in
    saves them, and the last one out puts them back.
    """
    global _inside, _saved
    with _lock:
        if _inside == 0:
            _saved = warnings.catch_warnings()
            _saved.__enter__()
            warnings.simplefilter("ignore")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _saved is not None:
                _saved.__exit__(None, None, None)
                _saved = None


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Keep what a C library writes to file descriptor 2 (libtiff, hundreds of lines a file) off the terminal.

    The descriptor is the whole process's: beside other threads, whose messages would be lost, nothing is
    muted.
    """
    if threading.active_count() > 1:
        yield
        return
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        saved = os.dup(2)
    except (OSError, ValueError):  # A daemon may have no standard error: nothing to mute then.
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
