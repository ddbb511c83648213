"""What is to be read: files, folders, cohorts and Parquet become one table of images."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.parquet as pq

from overread.engine.parts import list_parts, part_name, write_part
from overread.errors import UsageError
from overread.imaging import IMAGE_SUFFIXES
from overread.progress import SILENT, Progress

INPUT_COLUMNS = ("image_id", "uri", "content")
INPUT_SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string()),
        pa.field("uri", pa.string()),
        pa.field("content", pa.binary()),
        # An image that changes between an interrupted run and the next makes another table.
        pa.field("size", pa.int64()),
        pa.field("modified", pa.int64()),
    ]
)
_ROWS_PER_FILE, _ROWS_PER_BATCH = 4096, 64


@dataclass(frozen=True)
class _File:
    path: Path
    relative: PurePath

    def name(self, level: int) -> str:
        """The shortest name, and longer ones for where it is not alone with it."""
        levels = (
            self.relative.with_suffix("").as_posix(),
            self.relative.as_posix(),
            self.path.as_posix(),
            str(self.path.absolute()),
        )
        return _as_text(levels[level])


def list_inputs(inputs: Sequence[Path], out: Path, *, progress: Progress = SILENT) -> Path:
    """Write down every image to read, for an engine to run over.

    Args:
        inputs: Image files; folders, searched through to the bottom for IMAGE_SUFFIXES without files and
            folders that begin with a dot; cohort folders; Parquet files with `uri` or `content`.
        out: Folder for the table's parts; what stands there is replaced.
        progress: Is told how many other files the folders hold.

    Returns:
        The folder: columns `image_id` (path below the folder without its suffix; longer where two would
        share it), `uri` (path as given), `content` (null: read the uri). Files come in the order of the
        arguments and sorted in each; a file given twice is listed once.

    Raises:
        UsageError: Something is not there, holds no image, or gives an image_id twice.
    """
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
            files.append(_File(item, PurePath(item.name)))
        else:
            raise UsageError("there is no such file or folder", where=f"'{item}'", todo="check the path")
    files = _without_repeats(files)
    names = _names(files)
    _check_unique(names, tables)
    batches = chain(_file_batches(files, names), *(_table_batches(path) for path in tables))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    if not _write_parts(batches, out):
        where = ", ".join(f"'{item}'" for item in inputs)
        raise UsageError("holds no image", where=where or "inputs", todo="give files, folders or Parquet")
    return out


def _files_of(folder: Path, progress: Progress) -> list[_File]:
    found, others = [], 0
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(root) / name
            if path.suffix.lower() in IMAGE_SUFFIXES and not name.startswith("."):
                found.append(_File(path, path.relative_to(folder)))
            else:
                others += 1
    if others:
        progress.note(f"'{folder}': {others} files that are no images by their names were left out")
    if not found:
        known = " ".join(sorted(IMAGE_SUFFIXES))
        raise UsageError("holds no image", where=f"folder '{folder}'", todo=f"known endings are {known}")
    return sorted(found, key=lambda file: file.relative.as_posix())


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
        shared = [i for i, name in enumerate(names) if counts[name] > 1 and levels[i] < 3]
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
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=[column]):
            yield from batch.column(0).to_pylist()


def _columns(path: Path) -> list[str]:
    try:
        columns = list(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as error:
        raise UsageError("cannot be read as Parquet", where=f"'{path}'", todo="make it again") from error
    has_names = "image_id" in columns or "uri" in columns
    if not has_names or not {"uri", "content"} & set(columns):
        raise UsageError(
            f"expected the columns 'uri' or 'image_id' and 'content', got {columns}",
            where=f"'{path}'",
            todo="rename its columns",
        )
    return columns


def _file_batches(files: list[_File], names: list[str]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(files), _ROWS_PER_BATCH):
        rows = []
        for file, name in zip(files[start : start + _ROWS_PER_BATCH], names[start:], strict=False):
            row: dict[str, object] = {"image_id": name, "uri": _as_text(str(file.path))}
            with suppress(OSError):  # gone since it was listed: reading it says so
                status = file.path.stat()
                row |= {"size": status.st_size, "modified": status.st_mtime_ns}
            rows.append(row)
        yield pa.RecordBatch.from_pylist(rows, schema=INPUT_SCHEMA)


def _table_batches(path: Path) -> Iterator[pa.RecordBatch]:
    present = [name for name in INPUT_COLUMNS if name in _columns(path)]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROWS_PER_BATCH, columns=present):
            columns = {name: batch.column(name) for name in present}
            columns.setdefault("image_id", columns.get("uri"))
            nothing = pa.nulls(batch.num_rows)
            yield pa.RecordBatch.from_arrays(
                [columns.get(field.name, nothing).cast(field.type) for field in INPUT_SCHEMA],
                schema=INPUT_SCHEMA,
            )


def _write_parts(batches: Iterator[pa.RecordBatch], out: Path) -> int:
    rows = 0
    for index, first in enumerate(batches):
        part = chain([first], islice(batches, _ROWS_PER_FILE // _ROWS_PER_BATCH - 1))
        rows += write_part(out / part_name(index), part, schema=INPUT_SCHEMA)
    return rows


def _as_text(path: str) -> str:
    # A file name that is no UTF-8 still has to reach the table of rejects.
    return path.encode("utf-8", "backslashreplace").decode()
