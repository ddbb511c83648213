"""HAM10000 as pixels in a table, the way Kaggle gives it out: `hmnist_28_28_RGB.csv` and its like.

Such tables were written by `package_mnist_df` of the notebook that came with the data set there in 2018: a
row for each row of HAM10000_metadata.csv, in its order, the columns pixel0000 … with the colours of a pixel
side by side, and `label`. Labels number the alphabet of the classes' long names, among which that notebook
wrote "dermatofibroma", with a small d, for melanoma: it comes last.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
from numpy.typing import NDArray

from overread.cohort.candidates import Candidate, Listing, readable
from overread.cohort.layouts.layout import files_in, without_columns
from overread.cohort.layouts.png_files import is_whole, write_png
from overread.cohort.listing import Files
from overread.cohort.rules import clean
from overread.cohort.settings import IngestSettings
from overread.cohort.table_layout import list_rows
from overread.cohort.tables import TextTable
from overread.errors import CohortError
from overread.progress import Progress

CODES = ("akiec", "bcc", "bkl", "df", "nv", "vasc", "mel")
"""What `label` 0 to 6 means."""

_LABEL, _PIXEL = "label", "pixel"
_LONGEST_HEADER = 2**20
_BLOCK = 2**22
_FAULT = re.compile(r"(Row #\d+: )?(Expected \d+ columns, got \d+|.{0,40}invalid value '[^']{0,20}')")
_NO_TABLE = (
    "no HAM10000_metadata lies beside {name}: lesions, ages and sexes are not known, and images of one "
    "lesion may stand on two sides of the split"
)


@dataclass(frozen=True)
class PixelTable:
    """Such a table, by its header.

    Attributes:
        path: The CSV file.
        columns: Names of the pixels, in their order.
        side: Height and width of each image in pixels.
        channels: 3 for colours, 1 for grey.
    """

    path: Path
    columns: tuple[str, ...]
    side: int
    channels: int

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"table '{self.path}'"


def open_pixels(path: Path) -> PixelTable | None:
    """The table of pixels that a file is; None where its header is another. Never raises."""
    if path.suffix.lower() != ".csv":
        return None
    try:
        with path.open("rb") as stream:
            header = stream.readline(_LONGEST_HEADER).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    names = [cell.strip().strip('"') for cell in header.strip().split(",")]
    pixels = tuple(name for name in names if name != _LABEL)
    if len(pixels) != len(names) - 1 or not all(name.startswith(_PIXEL) for name in pixels):
        return None
    for channels in (3, 1):
        side = math.isqrt(len(pixels) // channels)
        if side and side**2 * channels == len(pixels):
            return PixelTable(path, pixels, side, channels)
    return None


def find_pixels(folder: Path) -> PixelTable | None:
    """The best table of pixels in a folder: in colour before grey, the larger before the smaller."""
    found = [table for path in files_in(folder) if (table := open_pixels(path)) is not None]
    return max(found, key=lambda one: (one.channels, one.side), default=None)


def list_pixels(
    pixels: PixelTable, table: TextTable | None, *, root: Path, settings: IngestSettings, ignored: int = 0
) -> Listing:
    """Every row of a table of pixels as an image, with what the metadata say of it.

    Args:
        pixels: The images.
        table: HAM10000_metadata, whose row k tells of image k; None where there is none.
        root: The folder that a listing's paths begin at.
        settings: Columns of the metadata, and rules.
        ignored: Other files beside them.

    Raises:
        CohortError: The table is damaged, a label is none of 0 to 6, or the two do not tell of the same
            images in the same order: the diagnosis of some row differs.
    """
    labels = _read_labels(pixels)
    depends = [pixels.path]
    if table is None:
        listing, files = _alone(pixels, labels, settings=settings)
    else:
        _check_order(pixels, labels, table)
        listing, files = _joined(pixels, table, root=root, settings=settings)
        depends.append(table.path)
    rows = {file: at for at, file in enumerate(files)}
    wanted = {one.file: rows[one.file] for one in listing.candidates if one.file and one.reason is None}
    return replace(
        listing,
        ignored=ignored,
        unpack=_Unpack(pixels, wanted),
        depends=tuple(os.path.relpath(path, root) for path in depends),
    )


def _alone(
    pixels: PixelTable, labels: Sequence[str], *, settings: IngestSettings
) -> tuple[Listing, list[str]]:
    files = [f"{at:06d}.png" for at in range(len(labels))]
    name = readable(pixels.path.name)
    found = [
        Candidate(uri=f"{name}#{at:06d}", file=file, label=label)
        for at, (file, label) in enumerate(zip(files, labels, strict=True))
    ]
    found = without_columns("ham10000", found, settings, where=pixels.where)
    candidates, notes = clean(found, settings, where=pixels.where)
    return Listing(tuple(candidates), 0, notes=(_NO_TABLE.format(name=name), *notes)), files


def _joined(
    pixels: PixelTable, table: TextTable, *, root: Path, settings: IngestSettings
) -> tuple[Listing, list[str]]:
    ids = table.column(settings.columns["image"])
    if "" in ids or len(set(ids)) < len(ids):
        raise CohortError(
            "names no image in some row, or one image in two",
            where=f"table '{table.path}'",
            todo="bring it as it was published",
        )
    files = [f"{cell}.png" for cell in ids]
    listing = list_rows(Files(tuple(sorted(files)), (), 0), table, source=root, settings=settings)
    name = readable(pixels.path.name)
    told = tuple(replace(one, uri=f"{name}#{Path(one.file or one.uri).stem}") for one in listing.candidates)
    note = f"the images are the {pixels.side} × {pixels.side} pixels of {name}, joined row by row"
    return replace(listing, candidates=told, notes=(note, *listing.notes)), files


def _check_order(pixels: PixelTable, labels: Sequence[str], table: TextTable) -> None:
    """Refuse metadata of other images or in another order: nothing but the order joins the two."""
    todo = f"bring '{table.path.name}' as it was published, with its rows in their order"
    if "dx" not in table.columns or len(table.rows) != len(labels):
        said = "no column dx" if "dx" not in table.columns else f"{len(table.rows)} rows"
        raise CohortError(
            f"has {len(labels)} images, but '{table.path.name}' has {said}", where=pixels.where, todo=todo
        )
    for at, (label, said) in enumerate(zip(labels, table.column("dx"), strict=True), 1):
        if said != label:
            raise CohortError(
                f"image {at} is labelled {label}, but row {at} of '{table.path.name}' says "
                f"{said or 'nothing'}: they are not in the same order",
                where=pixels.where,
                todo=todo,
            )


def _read_labels(pixels: PixelTable) -> list[str]:
    """The class of every row, as a word."""
    words: list[str] = []
    with _opened(pixels, [_LABEL]) as batches:
        for batch in batches:
            for code in batch.column(0).to_pylist():
                if code is None or not 0 <= code < len(CODES):
                    raise CohortError(
                        f"row {len(words) + 1}: expected a label of 0 to {len(CODES) - 1}, got {code}",
                        where=pixels.where,
                        todo="bring it as it was published",
                    )
                words.append(CODES[code])
    return words


@dataclass(frozen=True)
class _Unpack:
    """Writes rows of the table as PNG, block by block; see `Listing.unpack`.

    Attributes:
        pixels: The table.
        wanted: File → row.
    """

    pixels: PixelTable
    wanted: Mapping[str, int]

    def __call__(self, folder: Path, progress: Progress) -> None:
        """Write what is not there yet.

        Raises:
            CohortError: The table is damaged.
            EngineError: The disk is full.
        """
        lacking = {row: folder / file for file, row in self.wanted.items() if not is_whole(folder / file)}
        if not lacking:
            return
        folder.mkdir(parents=True, exist_ok=True)
        first = 0
        with (
            progress.task("unpacking images", max(lacking) + 1) as task,
            _opened(self.pixels, self.pixels.columns) as batches,
        ):
            for batch in batches:
                images = _images(batch, self.pixels)
                for at, image in enumerate(images):
                    if (path := lacking.get(first + at)) is not None:
                        write_png(path, image)
                first += len(images)
                task.advance(len(images))
        if first <= max(lacking):
            raise CohortError(
                f"ends after {first} rows",
                where=self.pixels.where,
                todo="it changed: run the same command again",
            )


def _images(batch: pa.RecordBatch, pixels: PixelTable) -> NDArray[np.uint8]:
    """uint8 [rows, side, side] or [rows, side, side, 3]."""
    if any(column.null_count for column in batch.columns):
        raise CohortError("a pixel is empty", where=pixels.where, todo="bring it as it was published")
    flat = np.stack([column.to_numpy() for column in batch.columns], axis=1)
    shape = (
        (pixels.side, pixels.side) if pixels.channels == 1 else (pixels.side, pixels.side, pixels.channels)
    )
    return flat.reshape(-1, *shape)


@contextmanager
def _opened(pixels: PixelTable, columns: Sequence[str]) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows, some 500 at a time, as whole numbers 0 to 255; whatever is wrong is one sentence."""
    types = {name: pa.uint8() for name in pixels.columns} | {_LABEL: pa.uint8()}
    try:
        yield pv.open_csv(
            pixels.path,
            read_options=pv.ReadOptions(block_size=_BLOCK, use_threads=False),
            convert_options=pv.ConvertOptions(column_types=types, include_columns=list(columns)),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        # Of what Arrow says, the place and the fault; the rest is the row itself.
        said = _FAULT.search(str(error))
        raise CohortError(
            f"is damaged: {said[0] if said else type(error).__name__}",
            where=pixels.where,
            todo="bring it as it was published",
        ) from error
    except OSError as error:
        raise CohortError(
            f"could not be read: {error.strerror or error}", where=pixels.where, todo="check the file"
        ) from error
