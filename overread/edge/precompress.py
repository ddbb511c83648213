"""Files beside files: NAME.br and NAME.gz, so that a host need not compress and phones load less.

The same content gives the same bytes.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import PurePosixPath
from types import ModuleType

COMPRESSED = (".br", ".gz")
PACKED = frozenset({".jpg", ".png", ".gz", ".br", ".woff2"})
"""Endings of files that would not become smaller."""
_LEAST_SAVED = 0.98
# The best takes 1.5 to 3 s a megabyte: what is larger gets the next best, unless the app brought its own.
_BEST_UP_TO, _BEST, _QUICK = 8 * 2**20, 11, 9
_WINDOW = 24


def precompress(
    contents: Mapping[str, bytes], *, known: Mapping[str, bytes] | None = None
) -> tuple[dict[str, bytes], str]:
    """Compress what becomes smaller by it.

    Args:
        contents: Path → bytes.
        known: Path with ".br" → what it was compressed to before; taken where it unpacks to the same bytes.

    Returns:
        Path with ".br" or ".gz" → bytes, and a sentence about what was left out, or "".
    """
    brotli = _brotli()
    paths = [path for path in contents if PurePosixPath(path).suffix not in PACKED]
    with ThreadPoolExecutor() as pool:  # both libraries let other threads run
        zipped = pool.map(_gzip, (contents[path] for path in paths))
        made = {f"{path}.gz": small for path, small in zip(paths, zipped, strict=True)}
        if brotli is not None:
            squeezed = pool.map(
                partial(_brotlied, brotli),
                (contents[path] for path in paths),
                ((known or {}).get(f"{path}.br") for path in paths),
            )
            made |= {f"{path}.br": small for path, small in zip(paths, squeezed, strict=True)}
    kept = {
        path: small
        for path, small in sorted(made.items())
        if len(small) < _LEAST_SAVED * len(contents[path.rpartition(".")[0]])
    }
    return kept, "" if brotli else (
        "the package 'brotli' is not installed, so a first visit loads about a quarter more; "
        "pip install 'overread[edge]' and write the site again"
    )


def _brotli() -> ModuleType | None:
    try:
        import brotli
    except ModuleNotFoundError:
        return None
    return brotli  # type: ignore[no-any-return]


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def _brotlied(brotli: ModuleType, content: bytes, known: bytes | None) -> bytes:
    if known is not None and _unpacks_to(brotli, known, content):
        return known
    quality = _BEST if len(content) <= _BEST_UP_TO else _QUICK
    small: bytes = brotli.compress(content, quality=quality, lgwin=_WINDOW)
    return small


def _unpacks_to(brotli: ModuleType, small: bytes, content: bytes) -> bool:
    try:
        return bool(brotli.decompress(small) == content)
    except brotli.error:
        return False
