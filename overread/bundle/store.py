"""Where a bundle's files lie: a folder, or a zip that is read in place and never extracted."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from overread.bundle.manifest import Manifest, check_file_name
from overread.bundle.seal import MANIFEST_NAME, MAX_MANIFEST_BYTES, unseal
from overread.errors import BundleError

MAX_FILES = 2_000
MAX_FILE_BYTES = 2 * 2**30
MAX_TOTAL_BYTES = 4 * 2**30
# Weights hardly compress: a large member that shrank more than this was made to exhaust memory.
MAX_RATIO, RATIO_FROM_BYTES = 100, 32 * 2**20
PENDING, UNFINISHED = ".attach", ".attach.tmp"
"""Committed and uncommitted files of `attach`; see overread.bundle.attach."""
# File managers drop these into every folder that they show.
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_CHUNK = 2**20


class Store(Protocol):
    """Files by name, with forward slashes."""

    path: Path

    def names(self) -> set[str]:
        """Every file, bundle.json included."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """The file's bytes; raises FileNotFoundError or KeyError if there is none."""
        ...


class FolderStore:
    """A bundle in a folder, seen as `attach` last committed it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> set[str]:
        """Every file under the folder but litter and unfinished work."""
        pending = _walk(self.path / PENDING) if self._has_pending() else set()
        own = {name for name in _walk(self.path) if name.split("/")[0] not in {PENDING, UNFINISHED}}
        return own | pending

    def open(self, name: str) -> IO[bytes]:
        """The committed file, or the folder's own where it was moved in place already."""
        if self._has_pending() and (self.path / PENDING / name).is_file():
            try:
                return (self.path / PENDING / name).open("rb")
            except FileNotFoundError:  # moved into place this moment
                pass
        target = self.path / name
        if target.exists() and not target.is_file():
            raise BundleError("is not a regular file", where=f"bundle '{self.path}', file '{name}'")
        return target.open("rb")

    def _has_pending(self) -> bool:
        return (self.path / PENDING / MANIFEST_NAME).is_file()


class ZipStore:
    """A bundle in a zip; names, kinds and declared sizes are checked before anything is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> set[str]:
        """Every member that is a file."""
        with self._zip() as archive:
            return {info.filename for info in archive.infolist() if not info.is_dir()}

    def open(self, name: str) -> IO[bytes]:
        """A stream of one member; zipfile stops at its declared size and checks its CRC."""
        with self._zip() as archive:
            return archive.open(name)

    @contextmanager
    def _zip(self) -> Iterator[zipfile.ZipFile]:
        where = f"bundle '{self.path}'"
        try:
            with zipfile.ZipFile(self.path) as archive:
                _check_members(archive.infolist(), where)
                yield archive
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
            raise BundleError("is not a readable zip", where=where, todo="copy it again") from error


def open_store(path: Path) -> Store:
    """The store at a path.

    Raises:
        BundleError: Nothing there, or neither a folder nor a zip.
    """
    if path.is_dir():
        return FolderStore(path)
    if path.is_file():
        if zipfile.is_zipfile(path):
            return ZipStore(path)
        todo = (
            "give the folder that holds it"
            if path.name == MANIFEST_NAME
            else "give a bundle's folder or its zip"
        )
        raise BundleError("expected a bundle, got another kind of file", where=f"'{path}'", todo=todo)
    raise BundleError("there is no such bundle", where=f"'{path}'", todo="check the path")


@dataclass(frozen=True)
class Contents:
    """A bundle's checked files.

    Args:
        manifest: What bundle.json says.
        digest: SHA-256 of bundle.json, hexadecimal: stands for every byte of the bundle.
        kept: The bytes of the files that were asked for.
    """

    manifest: Manifest
    digest: str
    kept: dict[str, bytes]


def load_contents(store: Store, *, keep: frozenset[str] = frozenset()) -> Contents:
    """Check every file of a bundle against its manifest, and keep the bytes of some.

    Raises:
        BundleError: Naming the file that is missing, not listed, or changed.
    """
    where = f"bundle '{store.path}'"
    document = _manifest_bytes(store, where)
    manifest = unseal(document, where=f"{where}, file '{MANIFEST_NAME}'")
    present = store.names() - {MANIFEST_NAME}
    _check_names(present, set(manifest.files), where)
    kept = {}
    for name, digest in manifest.files.items():
        found, content = _hash(store, name, where, keep=name in keep)
        if found != digest:
            raise BundleError(
                "was changed since the bundle was packed",
                where=f"{where}, file '{name}'",
                todo="get the bundle again from where it came",
            )
        if content is not None:
            kept[name] = content
    return Contents(manifest, hashlib.sha256(document).hexdigest(), kept)


def read_file(store: Store, name: str, manifest: Manifest) -> bytes:
    """One file's bytes, checked against the manifest.

    Raises:
        BundleError: The manifest does not list it, or it was changed.
    """
    where = f"bundle '{store.path}'"
    if name not in manifest.files:
        raise BundleError(f"has no file '{name}'", where=where)
    digest, content = _hash(store, name, where, keep=True)
    if digest != manifest.files[name] or content is None:
        raise BundleError("was changed since the bundle was loaded", where=f"{where}, file '{name}'")
    return content


def _manifest_bytes(store: Store, where: str) -> bytes:
    try:
        with store.open(MANIFEST_NAME) as stream:
            return stream.read(MAX_MANIFEST_BYTES + 1)
    except (FileNotFoundError, KeyError) as error:
        raise BundleError(
            f"expected a file '{MANIFEST_NAME}', found none",
            where=where,
            todo="give a bundle's folder or its zip",
        ) from error
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise BundleError(
            f"cannot be read ({error})",
            where=f"{where}, file '{MANIFEST_NAME}'",
            todo="copy the bundle again",
        ) from error


def _hash(store: Store, name: str, where: str, *, keep: bool) -> tuple[str, bytes | None]:
    digest, chunks, total = hashlib.sha256(), [], 0
    try:
        with store.open(name) as stream:
            while chunk := stream.read(_CHUNK):
                total += len(chunk)
                if total > MAX_FILE_BYTES:
                    raise BundleError(
                        f"is larger than {MAX_FILE_BYTES} bytes", where=f"{where}, file '{name}'"
                    )
                digest.update(chunk)
                if keep:
                    chunks.append(chunk)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise BundleError(
            f"cannot be read ({error})", where=f"{where}, file '{name}'", todo="copy the bundle again"
        ) from error
    return digest.hexdigest(), b"".join(chunks) if keep else None


def _check_names(present: set[str], listed: set[str], where: str) -> None:
    missing, extra = sorted(listed - present), sorted(present - listed)
    if missing:
        raise BundleError(
            f"{_some(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            where=where,
            todo="copy it again, whole",
        )
    if extra:
        raise BundleError(
            f"{_some(extra)} {'is' if len(extra) == 1 else 'are'} not listed in {MANIFEST_NAME}",
            where=where,
            todo="take it out, or add it with overread.bundle.attach",
        )


def _some(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"file{'s' if len(names) > 1 else ''} {shown}{more}"


def _walk(root: Path) -> set[str]:
    found = set()
    for folder, _, files in os.walk(root):
        base = Path(folder).relative_to(root)
        found |= {(base / name).as_posix() for name in files if name not in _LITTER}
    return found


def _check_members(members: list[zipfile.ZipInfo], where: str) -> None:
    if len(members) > MAX_FILES or sum(info.file_size for info in members) > MAX_TOTAL_BYTES:
        raise BundleError(
            "unpacks to more than a bundle may hold", where=where, todo="get it from where it came"
        )
    seen = set()
    for info in members:
        name = info.filename
        here = f"{where}, file '{name}'"
        try:
            check_file_name(name.rstrip("/") if name != MANIFEST_NAME else "manifest")
        except ValueError as error:
            raise BundleError("is not a path inside a bundle", where=here) from error
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR} or info.flag_bits & 1:
            raise BundleError("expected a plain file, got a link or an encrypted one", where=here)
        if name in seen:
            raise BundleError("stands twice in the zip", where=here)
        seen.add(name)
        bomb = info.file_size > RATIO_FROM_BYTES and info.file_size > MAX_RATIO * info.compress_size
        if info.file_size > MAX_FILE_BYTES or bomb:
            raise BundleError(f"would unpack to {info.file_size} bytes, more than is believable", where=here)
