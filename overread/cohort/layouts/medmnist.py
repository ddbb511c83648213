"""MedMNIST's `.npz` files, 2D and 3D, of every size; and other files made in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overread.cohort.candidates import Candidate, Listing, readable
from overread.cohort.layouts.layout import files_in, source_root, without_columns
from overread.cohort.layouts.medmnist_classes import CLASSES, data_set
from overread.cohort.layouts.npz import ArrayInfo, iterate, read_info, read_names, read_small
from overread.cohort.layouts.png_files import is_whole, write_png
from overread.cohort.listing import Files, list_files
from overread.cohort.rules import clean
from overread.cohort.schema import Split
from overread.cohort.settings import IngestSettings
from overread.cohort.table_layout import Images
from overread.errors import CohortError
from overread.progress import Progress

_SPLITS: dict[str, Split] = {"train": "train", "val": "tune", "test": "test"}
_LARGEST_SIDE, _LARGEST_VOLUME = 8192, 512
_MOST_IMAGES = 5_000_000
_NONE = "No Finding"
_SLICES = (
    "each volume is read as one image of its three central slices (axial in red, coronal in green, sagittal "
    "in blue): what lies beside them is not seen"
)


class MedMnistLayout:
    """Arrays `train_images` and `train_labels`, `val_…` and `test_…`, some of which may be absent.

    Images are uint8 [n, h, w] or [n, h, w, 3]; volumes are uint8 [n, s, s, s]. Labels are whole numbers [n]
    or [n, 1], or [n, findings] of 0 and 1. There are no patients.
    """

    name = "medmnist"
    title = "MedMNIST: one .npz file of images and labels"

    def fits(self, source: Path) -> bool:
        """Whether the source is such a file, or a folder that holds no more than such files."""
        if source.is_file():
            return source.suffix.lower() == ".npz" and _may_be(source)
        try:
            entries = [path for path in source.iterdir() if not path.name.startswith(".")]
        except OSError:
            return False
        files = [path for path in entries if path.suffix.lower() == ".npz"]
        return not any(path.is_dir() for path in entries) and any(_may_be(path) for path in files)

    def list(
        self, source: Path, *, settings: IngestSettings, exclude: Path | None, images: Images
    ) -> Listing:
        """See `overread.cohort.layouts.Layout`."""
        del images
        where = f"source '{source}'"
        path = source if source.is_file() else _only(source)
        others = Files((), (), 0) if source.is_file() else list_files(source, exclude=exclude)
        arrays = _read_arrays(path)
        found = [one for array in arrays for one in _candidates(array)]
        found += [
            Candidate(readable(name), name, reason="no-label", detail=f"it is no part of {path.name}")
            for name in others.images
        ]
        found = without_columns(self.name, found, settings, where=where)
        candidates, notes = clean(found, settings, where=where)
        return Listing(
            candidates=tuple(sorted(candidates, key=lambda one: one.uri)),
            ignored=max(others.ignored - 1, 0),
            notes=((_SLICES,) if any(array.is_volume for array in arrays) else ()) + notes,
            unpack=_Unpack(tuple(arrays), frozenset(one.file for one in candidates if one.reason is None)),
            depends=(path.relative_to(source_root(source)).as_posix(),),
        )


@dataclass(frozen=True)
class _Array:
    """The images of one split with their labels.

    Attributes:
        images: Where they are.
        prefix: What the file calls the split: train, val, test.
        labels: One an image; None where the file states none.
    """

    images: ArrayInfo
    prefix: str
    labels: tuple[str | None, ...]

    @property
    def is_volume(self) -> bool:
        return len(self.images.shape) == 4 and self.images.shape[3] != 3

    def file(self, at: int) -> str:
        """Where image number `at` is unpacked to."""
        return f"{self.prefix}/{at:06d}.png"


@dataclass(frozen=True)
class _Unpack:
    """Writes the images of a file that can be used as PNG, one by one; see `Listing.unpack`."""

    arrays: tuple[_Array, ...]
    wanted: frozenset[str | None]

    def __call__(self, folder: Path, progress: Progress) -> None:
        """Write what is not there yet.

        Raises:
            CohortError: The file is damaged.
            EngineError: The disk is full.
        """
        with progress.task("unpacking images", sum(len(one.labels) for one in self.arrays)) as task:
            for array in self.arrays:
                paths = [folder / array.file(at) for at in range(len(array.labels))]
                lacking = {
                    at
                    for at, path in enumerate(paths)
                    if array.file(at) in self.wanted and not is_whole(path)
                }
                if not lacking:
                    task.advance(len(paths))
                    continue
                paths[0].parent.mkdir(parents=True, exist_ok=True)
                for at, pixels in enumerate(iterate(array.images)):
                    if at in lacking:
                        write_png(paths[at], _three_slices(pixels) if array.is_volume else pixels)
                    task.advance()


def _may_be(path: Path) -> bool:
    """Whether a file holds such arrays; one that cannot be opened may, and listing it says what is wrong."""
    try:
        names = read_names(path)
    except CohortError:
        return True
    return any(f"{prefix}_images" in names for prefix in _SPLITS)


def _only(source: Path) -> Path:
    paths = [path for path in files_in(source) if path.suffix.lower() == ".npz" and _may_be(path)]
    if len(paths) != 1:
        names = ", ".join(path.name for path in paths)
        raise CohortError(
            f"expected one .npz file, got {names}" if paths else "holds no such .npz file",
            where=f"source '{source}'",
            todo="name the file itself as source",
        )
    return paths[0]


def _read_arrays(path: Path) -> list[_Array]:
    """All splits of a file: the headers of their images, and their labels.

    Raises:
        CohortError: The file is damaged, or its arrays are not what MedMNIST's are.
    """
    names = read_names(path)
    arrays = []
    for prefix in _SPLITS:
        if f"{prefix}_images" not in names:
            continue
        images = read_info(path, f"{prefix}_images")
        _check_images(images)
        if f"{prefix}_labels" in names:
            labels: tuple[str | None, ...] = _words(
                read_info(path, f"{prefix}_labels"), images, data_set(path.stem)
            )
        else:
            labels = (None,) * images.shape[0]
        arrays.append(_Array(images, prefix, labels))
    if not arrays:
        got = ", ".join(map(repr, names[:8])) or "none"
        raise CohortError(
            f"expected the arrays train_images and train_labels, got {got}",
            where=f"file '{path}'",
            todo="bring a file in MedMNIST's form",
        )
    return arrays


def _check_images(info: ArrayInfo) -> None:
    shape = info.shape
    flat = len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)
    cube = len(shape) == 4 and len(set(shape[1:])) == 1
    if info.dtype != np.uint8 or not (flat or cube):
        raise CohortError(
            "expected uint8 of the shape [n, h, w], [n, h, w, 3] or, for volumes, [n, s, s, s], got "
            f"{info.dtype} of {list(shape)}",
            where=info.where,
            todo="convert the array",
        )
    largest = _LARGEST_SIDE if flat else _LARGEST_VOLUME
    if not 0 < min(shape[1:3]) <= max(shape[1:3]) <= largest or shape[0] > _MOST_IMAGES:
        raise CohortError(
            f"expected at most {_MOST_IMAGES} images with sides of 1 to {largest}, got {list(shape)}",
            where=info.where,
            todo="make the images smaller, or divide the file",
        )


def _words(info: ArrayInfo, images: ArrayInfo, known: str | None) -> tuple[str, ...]:
    """Labels as words: class names where the data set is known, else "class 0" or "finding 0"."""
    count = images.shape[0]
    if info.dtype.kind not in "biu" or info.shape[0] != count or len(info.shape) > 2 or 0 in info.shape[1:]:
        raise CohortError(
            f"expected {count} whole numbers, one an image, got {info.dtype} of {list(info.shape)}",
            where=info.where,
            todo="convert the array",
        )
    values: NDArray[Any] = read_small(info)
    if values.ndim == 2 and values.shape[1] > 1:
        return _findings(values, info, known)
    numbers = values.reshape(count).tolist()
    if known is None:
        return tuple(f"class {number:d}" for number in numbers)
    classes = CLASSES[known]
    for at, number in enumerate(numbers):
        if not 0 <= number < len(classes):
            raise CohortError(
                f"entry {at}: expected 0 to {len(classes) - 1}, got {number}",
                where=info.where,
                todo=f"rename the file if it is not {known}",
            )
    return tuple(classes[int(number)] for number in numbers)


def _findings(values: NDArray[Any], info: ArrayInfo, known: str | None) -> tuple[str, ...]:
    width = values.shape[1]
    names = CLASSES[known] if known is not None else tuple(f"finding {at}" for at in range(width))
    if len(names) != width or not np.isin(values, (0, 1)).all():
        raise CohortError(
            f"expected {len(names)} columns of 0 and 1, got {width} up to {values.max()}",
            where=info.where,
            todo="rename the file if it is another data set",
        )
    return tuple("|".join(names[at] for at in np.flatnonzero(row)) or _NONE for row in values)


def _candidates(array: _Array) -> Iterator[Candidate]:
    stem = readable(array.images.path.name)
    for at, label in enumerate(array.labels):
        yield Candidate(
            uri=f"{stem}#{array.prefix}/{at}",
            file=array.file(at),
            label=label,
            split=_SPLITS[array.prefix],
            view="2.5D" if array.is_volume else None,
            reason="no-label" if label is None else None,
            detail=f"the file has no {array.prefix}_labels" if label is None else None,
        )


def _three_slices(volume: NDArray[Any]) -> NDArray[Any]:
    """The central slice along each axis, as the channels of one image.

    Networks pre-trained on photographs take three channels; three orthogonal planes through the middle use
    them for what is around the centre, on which these volumes are cropped (as in "2.5D" detection of lymph
    nodes: Roth et al., MICCAI 2014). Axes are the array's: MedMNIST gives no orientation.

    Args:
        volume: uint8 [s, s, s].

    Returns:
        uint8 [s, s, 3]: axial, coronal, sagittal.
    """
    middle = volume.shape[0] // 2
    return np.stack([volume[middle], volume[:, middle], volume[:, :, middle]], axis=-1)
