"""A table of what is known of images beside their pixels, joined with them by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from overread.bundle.manifest import MetadataField
from overread.bundle.metadata import LARGEST, parse_cell
from overread.cohort.candidates import without_suffix
from overread.cohort.columns import find_columns
from overread.cohort.file_index import FileIndex
from overread.cohort.tables import read_table
from overread.errors import UsageError
from overread.progress import SILENT, Progress

Cells = dict[str, object]


class MetadataTable:
    """Rows of a CSV, TSV, Excel or Parquet table by the image that each names.

    Columns are found by the names that an ingest knows: `localization` says the site. A row names its image
    by id, by file name, with or without folders and ending.

    Args:
        path: The table.
        fields: What is to be read of it.

    Attributes:
        lacking: Fields for which it has no column.
        matched: How many images have found their row.

    Raises:
        UsageError: It has no column for images or none for a field, or rows contradict each other.
        CohortError: It cannot be read.
    """

    def __init__(self, path: Path, fields: Sequence[MetadataField]) -> None:
        self._where = f"table '{path}'"
        if not path.is_file():
            raise UsageError("there is no such table", where=self._where, todo="check the path")
        table = read_table(path)
        image = find_columns(table.columns, {}, where=self._where).get("image")
        if image is None:
            raise UsageError(
                "has no column that names images", where=self._where, todo="call it image_id or filename"
            )
        columns = field_columns(fields, table.columns, where=self._where)
        self.lacking = [field.name for field in fields if field.name not in columns]
        self.matched = 0
        if not columns:
            raise UsageError(
                f"has no column for {', '.join(self.lacking)}", where=self._where, todo="rename its columns"
            )
        cells = {
            field.name: [parse_cell(field, cell) for cell in table.column(columns[field.name])]
            for field in fields
            if field.name in columns
        }
        self._rows: dict[str, Cells] = {}
        first: dict[str, int] = {}
        for at, name in enumerate(table.column(image)):
            said = {field: values[at] for field, values in cells.items() if values[at] is not None}
            if name and self._rows.setdefault(name, said) != said:
                raise self._differ(first[name], at)
            first.setdefault(name, at)
        self._first = first
        self._index = FileIndex(list(filter(None, self._rows)), source=path.parent)

    def of(self, image_id: str | None, uri: str | None) -> Cells:
        """What the table says of an image; nothing where no row names it.

        Raises:
            UsageError: Several rows fit, and they say different things.
        """
        found = [image_id] if image_id in self._rows else self._index.find(uri or image_id or "")
        # The index takes the end of a bare id with dots, as of a DICOM instance, for that of a file.
        stem = without_suffix((uri or "").rpartition("/")[2])
        if not found and stem in self._rows:
            found = [stem]
        if not found:
            return {}
        for other in found[1:]:
            if self._rows[other] != self._rows[found[0]]:
                raise self._differ(self._first[found[0]], self._first[other])
        self.matched += 1
        return self._rows[found[0]]

    def check_used(self, progress: Progress = SILENT) -> None:
        """Refuse a table that names none of the images: it is another's; tell of fields that it lacks.

        Raises:
            UsageError: It does.
        """
        if not self.matched:
            raise UsageError(
                f"none of its {len(self._rows)} rows names one of the images",
                where=self._where,
                todo="write the images' file names or ids into it",
            )
        if self.lacking:
            lacking = ", ".join(self.lacking)
            progress.note(f"{self._where} has no column for {lacking}: not known of any image")

    def _differ(self, one: int, other: int) -> UsageError:
        return UsageError(
            f"rows {one + 1} and {other + 1} fit the same image and differ",
            where=self._where,
            todo="name the images by their whole path, once each",
        )


def field_columns(fields: Sequence[MetadataField], columns: Sequence[str], *, where: str) -> dict[str, str]:
    """Field → column, by the field's own name or by one that an ingest takes for it."""
    usual = {str(role): column for role, column in find_columns(columns, {}, where=where).items()}
    names = {field.name: field.name if field.name in columns else usual.get(field.name) for field in fields}
    return {name: column for name, column in names.items() if column is not None}


def field_types(fields: Sequence[MetadataField]) -> list[pa.Field]:
    """The columns that a table of inputs has for the fields."""
    return [pa.field(one.name, pa.float64() if one.kind == "number" else pa.string()) for one in fields]


def own_cells(field: MetadataField, column: pa.Array, *, where: str) -> pa.Array:
    """A Parquet column as a field's: numbers as numbers, categories as text, null where nothing is said.

    Raises:
        UsageError: It is of a type that says neither.
    """
    try:
        if field.kind == "category":
            return column.cast(pa.string())
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            numbers = column.cast(pa.float64())
            return pc.if_else(
                pc.less_equal(pc.abs(numbers), LARGEST), numbers, None
            )  # NaN is as good as null
        texts = column.cast(pa.string()).to_pylist()
        return pa.array([None if text is None else parse_cell(field, text) for text in texts], pa.float64())
    except pa.ArrowException as error:
        raise UsageError(
            f"the column for '{field.name}' is of type {column.type}",
            where=where,
            todo=f"write {'numbers' if field.kind == 'number' else 'text'} into it",
        ) from error
