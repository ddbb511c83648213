"""What lies in a source folder, and the layout that gives each class a sub-folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from overread.cohort.candidates import Candidate, Listing, readable
from overread.cohort.schema import Split
from overread.errors import CohortError
from overread.imaging.decode import IMAGE_SUFFIXES

_OTHER_IMAGES = frozenset(
    {".avif", ".bmp", ".dcm", ".dicom", ".gif", ".heic", ".heif", ".j2k", ".jfif", ".jp2", ".jxl", ".webp"}
)
LISTED_SUFFIXES = IMAGE_SUFFIXES | _OTHER_IMAGES
"""Endings of what counts as an input; formats that cannot be decoded become rejects that say so."""

SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "tune": "tune",
    "val": "tune",
    "valid": "tune",
    "validation": "tune",
    "dev": "tune",
    "test": "test",
    "testing": "test",
}
"""What others call the splits, in lower case."""

_NOT_A_CLASS = "stands in no class folder; move it into the folder of its class, or bring a table of labels"


@dataclass(frozen=True)
class Files:
    """What a walk through a source folder found.

    Attributes:
        images: Paths below the source with "/", sorted, as the system spells them.
        unreadable: Folders that could not be opened, and why.
        ignored: How many files do not look like images.
    """

    images: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]
    ignored: int


def list_files(source: Path, *, exclude: Path | None = None) -> Files:
    """Walk through a source folder to the bottom, following links but never in circles.

    Hidden files and folders (names that begin with a dot, `__MACOSX`) hold no inputs.

    Args:
        source: The folder.
        exclude: A folder below it that is left out: where the cohort is being written.

    Raises:
        CohortError: The source is no folder, or cannot be opened.
    """
    if not source.is_dir():
        what = "is a file, expected a folder" if source.exists() else "there is no such folder"
        raise CohortError(what, where=f"source '{source}'", todo="name the folder that holds the images")
    images: list[str] = []
    unreadable: list[tuple[str, str]] = []
    ignored = 0
    left_out = _identity(exclude) if exclude is not None else None
    pending: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ())]
    while pending:
        below, ancestors = pending.pop()
        folder = source / below
        here = _identity(folder)
        if here is None or here in ancestors or here == left_out:
            continue
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if not below:
                raise CohortError(
                    f"could not be opened: {error.strerror}",
                    where=f"source '{source}'",
                    todo="check its rights",
                ) from error
            unreadable.append((below, f"the folder could not be opened: {error.strerror}"))
            continue
        for entry in entries:
            path = f"{below}/{entry.name}" if below else entry.name
            if _is_folder(entry):
                if is_visible(entry.name):
                    pending.append((path, (*ancestors, here)))
            elif is_input(entry.name):
                images.append(path)
            else:
                ignored += 1
    return Files(tuple(sorted(images)), tuple(sorted(unreadable)), ignored)


def is_visible(name: str) -> bool:
    """Whether a file or folder of this name is looked at."""
    return not name.startswith(".") and name != "__MACOSX"


def is_input(name: str) -> bool:
    """Whether a file of this name counts as an image."""
    return is_visible(name) and ("." + name.rpartition(".")[2].lower()) in LISTED_SUFFIXES


def list_classes(files: Files) -> Listing:
    """Read labels, and splits where there are such folders, from the folders that the files lie in.

    `benign/a.jpg` is of class benign; `train/benign/a.jpg` is too, and of split train, if the source has a
    train folder with sub-folders. Files outside any class folder become rejects.
    """
    split_layout = any(
        SPLIT_NAMES.get(parts[0].lower()) == "train"
        for parts in _split_paths(files.images)
        if len(parts) >= 3
    )
    candidates = []
    for path in files.images:
        parts = path.split("/")
        split = SPLIT_NAMES.get(parts[0].lower()) if split_layout else None
        label = _class_folder(parts, split_layout=split_layout, split=split)
        if label is None:
            candidates.append(Candidate(readable(path), path, reason="no-label", detail=_NOT_A_CLASS))
        else:
            candidates.append(Candidate(readable(path), path, label=readable(label), split=split))
    return with_unreadable(candidates, files)


def with_unreadable(candidates: list[Candidate], files: Files, *, repeated: int = 0) -> Listing:
    """The listing of these candidates and of the folders that could not be opened."""
    closed = [
        Candidate(readable(path), reason="unreadable-file", detail=why) for path, why in files.unreadable
    ]
    ordered = sorted([*candidates, *closed], key=lambda one: (one.uri, one.file or ""))
    return Listing(tuple(ordered), files.ignored, repeated)


def _class_folder(parts: list[str], *, split_layout: bool, split: Split | None) -> str | None:
    if not split_layout:
        return parts[0] if len(parts) >= 2 else None
    return parts[1] if split is not None and len(parts) >= 3 else None


def _split_paths(images: tuple[str, ...]) -> Iterator[list[str]]:
    return (path.split("/", 2) for path in images)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: reading it says so
        return False


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
