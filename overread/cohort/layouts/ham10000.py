"""HAM10000 as Harvard Dataverse and Kaggle give it out: a table, and images as files or in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from overread.cohort.candidates import Listing
from overread.cohort.layouts.hmnist import find_pixels, list_pixels, open_pixels
from overread.cohort.layouts.layout import files_in, named_table, source_root
from overread.cohort.listing import Files, list_files
from overread.cohort.settings import IngestSettings, Role
from overread.cohort.table_layout import Images, list_rows
from overread.cohort.tables import is_table, peek_columns, read_table, table_stem
from overread.errors import CohortError

_STEM = "ham10000_metadata"
_COLUMNS = {"lesion_id", "image_id", "dx"}
_ROLES: dict[Role, str] = {
    "image": "image_id",
    "label": "dx",
    "group": "lesion_id",
    "age": "age",
    "sex": "sex",
    "site": "localization",
    "source": "dataset",
}


class Ham10000Layout:
    """HAM10000 (Tschandl, Rosendahl and Kittler, Scientific Data 5, 180161, 2018).

    10,015 dermoscopy images of 7,470 lesions; `dx` is the label, `lesion_id` the group. There is no patient.
    Images are files anywhere below the source; where there is not one, the rows of a table of pixels, as
    `hmnist_28_28_RGB.csv`, which may also be the source itself.
    """

    name = "ham10000"
    title = "HAM10000: HAM10000_metadata and its images, as files or as a table of pixels"

    def fits(self, source: Path) -> bool:
        """Whether there is a HAM10000_metadata table with its columns, or the source is a table of pixels."""
        return bool(_tables(source)) or (source.is_file() and open_pixels(source) is not None)

    def list(
        self, source: Path, *, settings: IngestSettings, exclude: Path | None, images: Images
    ) -> Listing:
        """See `overread.cohort.layouts.Layout`."""
        root = source_root(source)
        pixels = open_pixels(source) if source.is_file() else None
        if pixels is not None:
            beside = _tables(root)
            if not beside and settings.table is None:
                return list_pixels(pixels, None, root=root, settings=settings)
            path = settings.table or _first(beside, root)
        else:
            path = named_table(source, settings) or _first(_tables(source), source)
        table = read_table(path, suffix=_suffix(path))
        columns = {role: name for role, name in _ROLES.items() if name in table.columns}
        said = settings.model_copy(update={"columns": columns | settings.columns})
        if pixels is not None:
            return list_pixels(pixels, table, root=root, settings=said)
        files, twins = _without_twins(list_files(root, exclude=exclude), root)
        if not files.images and (pixels := find_pixels(root)) is not None:
            return list_pixels(pixels, table, root=root, settings=said, ignored=max(files.ignored - 1, 0))
        listing = list_rows(files, table, source=root, settings=said, images=images)
        if twins:
            note = f"{twins} images lie in two folders whose names differ in nothing but case; one is used"
            listing = replace(listing, notes=(*listing.notes, note))
        return listing


def _tables(source: Path) -> list[Path]:
    return [
        path
        for path in files_in(source)
        if table_stem(path).lower().startswith(_STEM)
        and (is_table(path) or not path.suffix)
        and set(peek_columns(path, suffix=_suffix(path))) >= _COLUMNS
    ]


def _first(tables: Sequence[Path], source: Path) -> Path:
    """The table that bears the plain name; copies with more columns beside it must be asked for."""
    plain = [path for path in tables if table_stem(path).lower() == _STEM]
    if len(plain) == 1 or len(tables) == 1:
        return (plain or list(tables))[0]
    what = f"several tables are called HAM10000_metadata: {', '.join(path.name for path in tables)}"
    raise CohortError(
        what
        if tables
        else "no table HAM10000_metadata with the columns lesion_id, image_id and dx was found",
        where=f"source '{source}'",
        todo="say which with table = ...",
    )


def _suffix(path: Path) -> str | None:
    """Dataverse names the table without an ending; it is CSV, or TSV where it was called .tab."""
    return None if path.suffix else ".csv"


def _without_twins(files: Files, root: Path) -> tuple[Files, int]:
    """Files without second copies: Kaggle's archive has each folder twice, as HAM10000_… and as ham10000_….

    Returns:
        The files, the copies among the ignored; and how many copies there are.
    """
    by_name: dict[str, str] = {}
    kept: list[str] = []
    for path in files.images:
        first = by_name.setdefault(path.casefold(), path)
        if first == path or not _equal_size(root / first, root / path):
            kept.append(path)
    twins = len(files.images) - len(kept)
    return replace(files, images=tuple(kept), ignored=files.ignored + twins), twins


def _equal_size(one: Path, other: Path) -> bool:
    try:
        return one.stat().st_size == other.stat().st_size
    except OSError:
        return False
