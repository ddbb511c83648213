"""Parquet parts: written whole or not at all, marked with the run that they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from overread.engine.atomic import atomically

MARK = b"overread.run"
"""The key in a part's Parquet metadata under which the run's digest stands."""
GROUP_BYTES = 16 * 2**20
"""A row group is closed once it holds this much, so that a reader of large images stays small."""
_NAME = re.compile(r"part-\d{5,}\.parquet")


def part_name(index: int) -> str:
    """The file name of the part with this number."""
    return f"part-{index:05d}.parquet"


def list_parts(folder: Path) -> list[Path]:
    """The finished parts of a folder, in order; empty where there are none or no such folder."""
    if not folder.is_dir():
        return []
    parts = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(parts, key=lambda path: (len(path.name), path.name))


def write_part(
    path: Path,
    batches: Iterator[pa.RecordBatch],
    *,
    schema: pa.Schema,
    mark: str | None = None,
    one_group_each: bool = False,
) -> int:
    """Write one part atomically, row group by row group.

    Args:
        path: The file to write.
        batches: Its rows, in `schema`.
        schema: Of the part; binary columns are taken for encoded images and left uncompressed.
        mark: The digest of the run that the part belongs to.
        one_group_each: Make a row group of every batch.

    Returns:
        The number of rows written.

    Raises:
        EngineError: The disk is full, or the file cannot be written.
    """
    plain = [field.name for field in schema if not _is_binary(field.type)]
    leaves = {name for name in plain if not pa.types.is_nested(schema.field(name).type)}
    metadata = {**(schema.metadata or {}), **({MARK: mark.encode()} if mark else {})}
    rows = 0
    with atomically(path) as handle:
        writer = pq.ParquetWriter(
            handle,
            schema.with_metadata(metadata or None),
            compression={field.name: "none" if _is_binary(field.type) else "zstd" for field in schema},
            use_dictionary=sorted(leaves),
            write_statistics=sorted(leaves),
        )
        try:
            held: list[pa.RecordBatch] = []
            size = 0
            for batch in batches:
                rows += batch.num_rows
                held.append(batch)
                size += batch.nbytes
                if one_group_each or size >= GROUP_BYTES:
                    _write_group(writer, held, schema)
                    held, size = [], 0
            _write_group(writer, held, schema)
            writer.close()
        finally:
            # A writer left open by an error would write into the closed file when it is collected.
            if writer.is_open:
                with suppress(Exception):
                    writer.close()
                writer.is_open = False
    return rows


def write_table(path: Path, table: pa.Table, *, rows_per_group: int | None = None) -> None:
    """Write one table as one Parquet file, atomically and with the same bytes each time.

    Args:
        path: The file to write.
        table: Its rows.
        rows_per_group: Rows of each row group. Who reads the table slice by slice wants them as long as the
            slices: a row group is always read from its beginning.

    Raises:
        EngineError: The disk is full, or the file cannot be written.
    """
    batches = table.combine_chunks().to_batches(max_chunksize=rows_per_group)
    write_part(path, iter(batches), schema=table.schema, one_group_each=rows_per_group is not None)


def is_finished(path: Path, *, mark: str, rows: int | None) -> bool:
    """Whether a part is whole, belongs to the run, and holds as many rows as it should (None: not known)."""
    try:
        metadata = pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return False
    as_many = rows is None or metadata.num_rows == rows
    return as_many and (metadata.metadata or {}).get(MARK) == mark.encode()


def is_marked(path: Path) -> bool:
    """Whether an engine wrote this part."""
    try:
        return MARK in (pq.read_metadata(path).metadata or {})
    except (OSError, pa.ArrowException):
        return False


def _write_group(writer: pq.ParquetWriter, held: list[pa.RecordBatch], schema: pa.Schema) -> None:
    if held:
        writer.write_table(pa.Table.from_batches(held, schema=schema))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
