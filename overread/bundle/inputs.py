"""What is to be read: files, folders, cohorts and Parquet become one table of images."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from overread.bundle.manifest import MetadataField
from overread.bundle.metadata_table import MetadataTable, field_columns, field_types, own_cells
from overread.cohort.candidates import image_ids, readable, without_suffix
from overread.cohort.listing import list_files
from overread.engine.parts import list_parts, part_name, write_part
from overread.errors import UsageError
from overread.imaging import IMAGE_SUFFIXES
from overread.progress import SILENT, Progress

INPUT_COLUMNS = ("image_id", "uri", "content", "file")
INPUT_SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string()),
        pa.field("uri", pa.string()),
        pa.field("content", pa.binary()),
        # The path as the system spells it, where uri cannot hold it: names need not be UTF-8.
        pa.field("file", pa.binary()),
        # An image that changes between an interrupted run and the next makes another table.
        pa.field("size", pa.int64()),
        pa.field("modified", pa.int64()),
    ]
)
_ROWS_PER_FILE, _ROWS_PER_BATCH = 4096, 64


@dataclass(frozen=True)
class _File:
    path: Path
    short: str

    def name(self, level: int) -> str:
        """The shortest name, and longer ones for where it is not alone with it."""
        return (self.short, readable(self.path.as_posix()), readable(str(self.path.absolute())))[level]


def list_inputs(
    inputs: Sequence[Path],
    out: Path,
    *,
    fields: Sequence[MetadataField] = (),
    metadata: Path | MetadataTable | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Write down every image to read, for an engine to run over.

    Args:
        inputs: Image files; folders, searched through to the bottom (`overread.cohort.listing.list_files`);
            cohort folders; Parquet files with `uri` or `content`.
        out: Folder for the table's parts; what stands there is replaced.
        fields: What is to be known of the images beside their pixels. Cohorts and Parquet files bring their
            own columns.
        metadata: A table of it; where it and an own column speak, the table counts. Who has opened it
            already asks it whether it was used.
        progress: Is told how many other files the folders hold.

    Returns:
        The folder: columns `image_id` (path below the folder without its suffix; longer where two would
        share it), `uri` (path as given), `content` (null: read the uri), and one for each field. Files come
        in the order of the arguments and sorted in each; a file given twice is listed once.

    Raises:
        UsageError: Something is not there, holds no image, or gives an image_id twice, or the table of
            metadata names none of the images.
        CohortError: That table cannot be read.
    """
    known = MetadataTable(metadata, fields) if isinstance(metadata, Path) else metadata
    files: list[_File] = []
    tables: list[Path] = []
    for item in inputs:
        if (item / "cohort.json").is_file():
            tables += list_parts(item / "images")
        elif item.is_dir():
            files += _files_of(item, progress)
        elif item.suffix.lower() == ".parquet" and item.is_file():
            tables.append(item)
        elif item.exists():
            files.append(_File(item, without_suffix(readable(item.name))))
        else:
            raise UsageError("there is no such file or folder", where=f"'{item}'", todo="check the path")
    files = _without_repeats(files)
    names = _names(files)
    _check_unique(names, tables)
    batches: Iterator[pa.RecordBatch] = chain(
        _file_batches(files, names, fields), *(_table_batches(path, fields) for path in tables)
    )
    if known is not None:
        batches = with_metadata(batches, known, fields)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    if not _write_parts(batches, out, schema=input_schema(fields)):
        where = ", ".join(f"'{item}'" for item in inputs)
        raise UsageError("holds no image", where=where or "inputs", todo="give files, folders or Parquet")
    if known is not None and isinstance(metadata, Path):
        known.check_used(progress)
    return out


def input_schema(fields: Sequence[MetadataField]) -> pa.Schema:
    """The columns of a table of inputs, those for the fields among them."""
    return pa.schema([*INPUT_SCHEMA, *field_types(fields)])


def with_metadata(
    batches: Iterator[pa.RecordBatch], known: MetadataTable, fields: Sequence[MetadataField]
) -> Iterator[pa.RecordBatch]:
    """Rows of inputs with what a table says of them beside their pixels."""
    for batch in batches:
        ids, uris = (batch.column(name).to_pylist() for name in ("image_id", "uri"))
        said = [known.of(one, uri) for one, uri in zip(ids, uris, strict=True)]
        columns = {name: batch.column(name) for name in batch.schema.names}
        for field in fields:
            told = pa.array([cells.get(field.name) for cells in said], columns[field.name].type)
            columns[field.name] = pc.coalesce(told, columns[field.name])
        yield pa.RecordBatch.from_arrays(list(columns.values()), schema=batch.schema)


def _files_of(folder: Path, progress: Progress) -> list[_File]:
    found = list_files(folder)
    if found.ignored:
        progress.note(f"'{folder}': {found.ignored} files that are no images by their names were left out")
    # A folder that cannot be opened is listed too: reading it makes it a reject that says so.
    below = sorted([*found.images, *(path for path, _ in found.unreadable)])
    if not below:
        known = " ".join(sorted(IMAGE_SUFFIXES))
        raise UsageError("holds no image", where=f"folder '{folder}'", todo=f"known endings are {known}")
    return [_File(folder / path, name) for path, name in zip(below, image_ids(below), strict=True)]


def _without_repeats(files: list[_File]) -> list[_File]:
    first: dict[Path, _File] = {}
    for file in files:
        first.setdefault(file.path.absolute(), file)
    return list(first.values())


def _names(files: list[_File]) -> list[str]:
    levels = [0] * len(files)
    while True:
        names = [file.name(level) for file, level in zip(files, levels, strict=True)]
        counts = Counter(names)
        shared = [i for i, name in enumerate(names) if counts[name] > 1 and levels[i] < 2]
        if not shared:
            return names
        for i in shared:
            levels[i] += 1


def _check_unique(names: list[str], tables: list[Path]) -> None:
    seen = set(names)
    for path in tables:
        for name in _ids(path):
            if name is None or name in seen:
                what = "a row has no image_id" if name is None else f"image_id '{name}' is there twice"
                raise UsageError(what, where=f"'{path}'", todo="give each image an image_id of its own")
            seen.add(name)


def _ids(path: Path) -> Iterator[str | None]:
    columns = _columns(path)
    column = "image_id" if "image_id" in columns else "uri"
    with _parquet(path) as file:
        for batch in file.iter_batches(columns=[column]):
            yield from batch.column(0).cast(pa.string()).to_pylist()


def _columns(path: Path) -> list[str]:
    with _parquet(path) as file:
        columns = list(file.schema_arrow.names)
    has_names = "image_id" in columns or "uri" in columns
    if not has_names or not {"uri", "content"} & set(columns):
        raise UsageError(
            f"expected the columns 'uri' or 'image_id' and 'content', got {columns}",
            where=f"'{path}'",
            todo="rename its columns",
        )
    return columns


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        # Without pre-buffering a row group of large images is not pulled into memory whole.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise UsageError("cannot be read as Parquet", where=f"'{path}'", todo="make it again") from error


def _file_batches(
    files: list[_File], names: list[str], fields: Sequence[MetadataField]
) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(files), _ROWS_PER_BATCH):
        rows = []
        for file, name in zip(files[start : start + _ROWS_PER_BATCH], names[start:], strict=False):
            spelt = str(file.path)
            row: dict[str, object] = {"image_id": name, "uri": readable(spelt)}
            if row["uri"] != spelt:
                row["file"] = os.fsencode(spelt)
            with suppress(OSError):  # gone since it was listed: reading it says so
                status = file.path.stat()
                row |= {"size": status.st_size, "modified": status.st_mtime_ns}
            rows.append(row)
        yield pa.RecordBatch.from_pylist(rows, schema=input_schema(fields))


def _table_batches(path: Path, fields: Sequence[MetadataField]) -> Iterator[pa.RecordBatch]:
    known, there = [name for name in INPUT_COLUMNS if name != "file"], _columns(path)
    present, where = [name for name in known if name in there], f"'{path}'"
    own = field_columns(fields, there, where=where)
    with _parquet(path) as file:
        for batch in file.iter_batches(batch_size=_ROWS_PER_BATCH, columns=[*present, *own.values()]):
            columns = {name: batch.column(name) for name in present}
            columns |= {
                field.name: own_cells(field, batch.column(own[field.name]), where=where)
                for field in fields
                if field.name in own
            }
            columns.setdefault("image_id", columns.get("uri"))
            nothing = pa.nulls(batch.num_rows)
            yield pa.RecordBatch.from_arrays(
                [columns.get(field.name, nothing).cast(field.type) for field in input_schema(fields)],
                schema=input_schema(fields),
            )


def _write_parts(batches: Iterator[pa.RecordBatch], out: Path, *, schema: pa.Schema) -> int:
    rows = 0
    for index, first in enumerate(batches):
        part = chain([first], islice(batches, _ROWS_PER_FILE // _ROWS_PER_BATCH - 1))
        rows += write_part(out / part_name(index), part, schema=schema)
    return rows
