"""Silence for decoders that warn about files which are then refused or read whole anyway."""

from __future__ import annotations

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
