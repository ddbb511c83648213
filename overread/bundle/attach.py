"""Add files to a bundle so that it loads at every moment, a power cut included.

1. The new files and the newly sealed bundle.json are written to `.attach.tmp/`. Nobody reads it: a
   crash here leaves the old bundle.
2. `.attach.tmp/` is renamed to `.attach/`. That one step is the commit: from now on readers
   (`FolderStore`) see bundle.json and every file there in place of the folder's own.
3. The files move out of `.attach/` one by one, bundle.json last. Readers find each in one of the two
   places; the next call of `attach` or `settle` finishes what a crash left.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from overread.bundle.manifest import Manifest, check_file_name
from overread.bundle.seal import MANIFEST_NAME, seal
from overread.bundle.store import PENDING, UNFINISHED, FolderStore, load_contents
from overread.engine.atomic import sync_folder, write_atomically
from overread.errors import BundleError


def attach(path: Path, files: Mapping[str, bytes]) -> None:
    """Add or replace files of a bundle's folder and seal it again.

    Args:
        path: The bundle's folder.
        files: Content by path inside the bundle: "MODEL_CARD.md", "report.html".

    Raises:
        BundleError: The bundle is damaged or is a zip, or the file is one that readings depend on.
    """
    if not path.is_dir():
        raise BundleError(
            "files are attached to a bundle's folder", where=f"'{path}'", todo="zip it afterwards"
        )
    for name in files:
        _check_attachable(name, path)
    manifest = load_contents(FolderStore(path)).manifest
    settle(path)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    sealed = seal(Manifest.from_draft(manifest, files={**manifest.files, **hashes}))
    unfinished = path / UNFINISHED
    write_files(unfinished, {**files, MANIFEST_NAME: sealed})
    unfinished.rename(path / PENDING)
    sync_folder(path)
    settle(path)


def settle(path: Path) -> None:
    """Finish an attachment that was committed, and clear away one that was not."""
    shutil.rmtree(path / UNFINISHED, ignore_errors=True)
    pending = path / PENDING
    if (pending / MANIFEST_NAME).is_file():
        waiting = sorted(item for item in pending.rglob("*") if item.is_file())
        for item in sorted(waiting, key=lambda item: item == pending / MANIFEST_NAME):
            target = path / item.relative_to(pending)
            target.parent.mkdir(parents=True, exist_ok=True)
            item.replace(target)
    shutil.rmtree(pending, ignore_errors=True)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a new folder's files, each flushed to the disk."""
    for name, content in sorted(files.items()):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)


def _check_attachable(name: str, path: Path) -> None:
    where = f"bundle '{path}', file '{name}'"
    try:
        check_file_name(name)
    except ValueError as error:
        raise BundleError("is not a path inside a bundle", where=where) from error
    if name in {"preprocess.onnx", "network.onnx"} or name.split("/")[0] in {"selftest", PENDING, UNFINISHED}:
        raise BundleError("cannot be attached: readings depend on it", where=where, todo="pack a new bundle")
