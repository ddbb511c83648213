"""Arrays in a `.npz` file, one image at a time: some of these files hold 13 GB."""

from __future__ import annotations

import lzma
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overread.errors import CohortError

_MOST_BYTES = 2**36
_SMALL = 2**28
_MOST_TIMES = 200
_UNSUSPICIOUS = 2**26
_AGAIN = "download it again"


@dataclass(frozen=True)
class ArrayInfo:
    """What the header of an array says.

    Attributes:
        path: The `.npz` file.
        name: Of the array.
        shape: Its sizes.
        dtype: Of its elements; never objects.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"array {self.name!r} of '{self.path}'"


def read_names(path: Path) -> tuple[str, ...]:
    """The names of the arrays in a file; no array is opened.

    Raises:
        CohortError: It is no `.npz` file, or ends early.
    """
    with _opened(path) as archive:
        return tuple(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))


def read_info(path: Path, name: str) -> ArrayInfo:
    """Read the header of an array.

    Raises:
        CohortError: The array is damaged, holds Python objects, is not stored row by row, or claims a size
            that its bytes do not have or that no honest file has.
    """
    with _opened(path) as archive, archive.open(f"{name}.npy") as stream:
        return _header(stream, archive.getinfo(f"{name}.npy"), path=path, name=name)


def read_small(info: ArrayInfo) -> NDArray[Any]:
    """Read a whole array of labels.

    Raises:
        CohortError: It is damaged, or too large for labels.
    """
    if math.prod(info.shape) * info.dtype.itemsize > _SMALL:
        raise CohortError(
            f"expected at most {_SMALL // 2**20} MiB of labels, got the shape {info.shape}",
            where=info.where,
            todo=_AGAIN,
        )
    with _opened(info.path) as archive:
        content = archive.read(f"{info.name}.npy")
    size = math.prod(info.shape) * info.dtype.itemsize
    return np.frombuffer(content[len(content) - size :], info.dtype).reshape(info.shape)


def iterate(info: ArrayInfo) -> Iterator[NDArray[Any]]:
    """Read an array along its first axis.

    The last entry comes only after the archive has found the checksum of the whole right.

    Yields:
        Arrays of `info.shape[1:]`, read-only.

    Raises:
        CohortError: The array is damaged or ends early.
    """
    count, shape = info.shape[0], info.shape[1:]
    size = math.prod(shape) * info.dtype.itemsize
    with _opened(info.path) as archive, archive.open(f"{info.name}.npy") as stream:
        _header(stream, archive.getinfo(f"{info.name}.npy"), path=info.path, name=info.name)
        for at in range(count):
            content = stream.read(size)
            if len(content) < size:
                raise CohortError(f"ends after {at} of {count} entries", where=info.where, todo=_AGAIN)
            yield np.frombuffer(content, info.dtype).reshape(shape)


def _header(stream: Any, member: zipfile.ZipInfo, *, path: Path, name: str) -> ArrayInfo:
    where = f"array {name!r} of '{path}'"
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise CohortError(
            f"expected version 1 or 2 of the .npy format, got {version}", where=where, todo="save it again"
        )
    if dtype.hasobject:
        raise CohortError("expected numbers, got Python objects", where=where, todo="save it as numbers")
    if not shape or (fortran and len(shape) > 1):
        raise CohortError(
            f"expected rows one after another, got {'columns' if fortran else 'a single number'}",
            where=where,
            todo="save it with numpy.ascontiguousarray",
        )
    claimed = math.prod(shape) * dtype.itemsize
    if min(shape) < 0 or claimed != member.file_size - stream.tell():
        raise CohortError(
            f"its shape {shape} asks for {claimed} bytes, but it has {member.file_size - stream.tell()}",
            where=where,
            todo=_AGAIN,
        )
    packed = max(member.compress_size, 1)
    if claimed > _MOST_BYTES or (claimed > _UNSUSPICIOUS and claimed > _MOST_TIMES * packed):
        raise CohortError(
            f"would unpack {packed} bytes to {claimed}, which no file of images does",
            where=where,
            todo="look where it came from",
        )
    return ArrayInfo(path, name, tuple(shape), dtype)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """An open archive; whatever is wrong with it is one sentence."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise CohortError(
            f"could not be read: {error.strerror or error}", where=f"file '{path}'", todo="check the file"
        ) from error
    except (
        *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, KeyError),
        *(NotImplementedError, RuntimeError, SyntaxError, TypeError, OverflowError, MemoryError),
    ) as error:
        raise CohortError(
            f"is damaged, ends early or is no .npz file ({type(error).__name__})",
            where=f"file '{path}'",
            todo=_AGAIN,
        ) from error
