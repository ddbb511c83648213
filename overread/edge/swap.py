"""A folder that appears under its name whole, or not at all: written aside, then swapped in."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from overread.engine.atomic import sync_folder

_ABANDONED_SECONDS = 3600
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def swapped_in(out: Path) -> Iterator[Path]:
    """A fresh folder that takes the place of `out` when the block has ended well.

    Whatever ends the process before that leaves what stood at `out`, and what it left aside is removed by a
    later call. On Linux the two change places in one step; elsewhere there is a moment between two renames.
    """
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(out)
    aside = out.with_name(f".{out.name}.{secrets.token_hex(4)}.new")
    aside.mkdir()  # not tempfile's: other users, as a web server's, are to read it
    try:
        yield aside
        if out.exists():
            _exchange(aside, out)
        else:
            aside.rename(out)
        sync_folder(out.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(aside: Path, out: Path) -> None:
    if _exchanged_at_once(aside, out):
        return
    old = aside.with_suffix(".old")
    out.rename(old)
    try:
        aside.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _exchanged_at_once(one: Path, other: Path) -> bool:
    """Let two folders change names in one step, where this system can (renameat2, Linux 3.15)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    done: int = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return done == 0


def _remove_abandoned(out: Path) -> None:
    """Remove what killed processes left, but not what another one writes this moment."""
    for path in out.parent.glob(f".{_escaped(out.name)}.????????.new"):
        if path.is_dir() and time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
