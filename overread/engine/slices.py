"""Cutting a Parquet source into slices, and reading one slice without the rest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from overread.engine.parts import list_parts
from overread.errors import EngineError

BATCH_ROWS = 16
"""How many rows a stage is handed at once: encoded images are large, and memory is not."""
BATCH_BYTES = 64 * 2**20
"""Batches have fewer rows where the mean of a row group says that they would hold more than this."""
_HASHED_WHOLE = 2**20
_BUFFER = 256 * 2**10


@dataclass(frozen=True)
class Segment:
    """Rows `start` (inclusive) to `stop` (exclusive) of one row group of one file.

    Attributes:
        path: The file.
        row_group: Its number there.
        start: First row, counted in the row group.
        stop: The row behind the last.
        row_bytes: About how much a row holds, decompressed: the mean of its row group.
    """

    path: Path
    row_group: int
    start: int
    stop: int
    row_bytes: int = 0


@dataclass(frozen=True)
class Slice:
    """The rows of the source that become one output part.

    Attributes:
        index: Of the part.
        first_row: Its place in the source.
        rows: How many.
        segments: Where they lie.
    """

    index: int
    first_row: int
    rows: int
    segments: tuple[Segment, ...]

    @property
    def bytes(self) -> int:
        """About how much will be read, decompressed."""
        return sum((one.stop - one.start) * one.row_bytes for one in self.segments)

    @property
    def label(self) -> str:
        """What a message calls these rows."""
        return f"rows {self.first_row} to {self.first_row + self.rows - 1}" if self.rows else "no rows"


@dataclass(frozen=True)
class Plan:
    """How a source is cut.

    Attributes:
        slices: In order; at least one, which holds no row where the source is empty.
        rows: Rows of the source.
        identity: SHA-256 that changes when the source's files change, but not when they are moved.
    """

    slices: tuple[Slice, ...]
    rows: int
    identity: str


def plan_slices(source: Path | Sequence[Path], *, rows_per_part: int, columns: Sequence[str] | None) -> Plan:
    """Cut a source into slices of `rows_per_part` rows, from Parquet metadata alone.

    Args:
        source: A Parquet file, a folder of `part-*.parquet`, or several of these, in order.
        rows_per_part: Rows of every slice but the last.
        columns: The columns that will be read; None for all.

    Raises:
        EngineError: A file is missing or no Parquet, a column is missing, or schemas differ.
    """
    identity, rows = hashlib.sha256(), 0
    pending: list[Segment] = []
    groups: list[tuple[Path, int, int, int]] = []
    first: pa.Schema | None = None
    for path in source_files(source):
        metadata = _read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
        if first is None:
            first = schema
            _check_columns(path, schema, columns)
        elif not schema.equals(first):
            raise EngineError(
                "its columns differ from those of the first file",
                where=str(path),
                todo="read files of one schema together only",
            )
        identity.update(f"{path.name}\0{metadata.num_rows}\0{_fingerprint(path)}\0".encode())
        rows += metadata.num_rows
        groups += [
            (path, at, *_extent(metadata.row_group(at), columns)) for at in range(metadata.num_row_groups)
        ]

    slices: list[Slice] = []
    room = rows_per_part
    for path, group, size, row_bytes in groups:
        start = 0
        while start < size:
            stop = min(size, start + room)
            pending.append(Segment(path, group, start, stop, row_bytes))
            room -= stop - start
            start = stop
            if room == 0:
                slices.append(_close_slice(slices, pending))
                pending, room = [], rows_per_part
    if pending or not slices:
        slices.append(_close_slice(slices, pending))
    return Plan(tuple(slices), rows, identity.hexdigest())


def read_slice(piece: Slice, *, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    """Read the rows of one slice in small batches, touching its row groups only.

    How it is cut depends on the source alone, so that every engine hands the same batches to a stage.

    Raises:
        EngineError: The source has changed or is damaged.
    """
    for segment in piece.segments:
        try:
            # Without pre-buffering a row group of large images is not pulled into memory whole.
            with pq.ParquetFile(segment.path, pre_buffer=False, buffer_size=_BUFFER) as file:
                row = 0
                for batch in file.iter_batches(
                    batch_size=batch_rows(segment.row_bytes),
                    row_groups=[segment.row_group],
                    columns=list(columns) if columns is not None else None,
                    use_threads=False,
                ):
                    start, stop = max(segment.start - row, 0), min(segment.stop - row, batch.num_rows)
                    row += batch.num_rows
                    if start < stop:
                        yield batch.slice(start, stop - start)
                    if row >= segment.stop:
                        break
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(segment.path, error) from error


def batch_rows(row_bytes: int) -> int:
    """How many rows of such a size make a batch.

    Example:
        >>> batch_rows(100_000), batch_rows(30 * 2**20), batch_rows(2**30)
        (16, 2, 1)
    """
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(row_bytes, 1)))


def source_files(source: Path | Sequence[Path]) -> list[Path]:
    """The Parquet files of a source, in order.

    Raises:
        EngineError: There is no such file, or a folder holds no part.
    """
    files: list[Path] = []
    for path in [source] if isinstance(source, Path) else source:
        if path.is_dir():
            parts = list_parts(path)
            if not parts:
                raise EngineError(
                    "holds no part-*.parquet", where=str(path), todo="name a folder of Parquet parts"
                )
            files += parts
        elif path.is_file():
            files.append(path)
        else:
            raise EngineError(
                "there is no such file", where=str(path), todo="name a Parquet file or a folder of parts"
            )
    if not files:
        raise EngineError("got no file to read", where="source", todo="name at least one Parquet file")
    return files


def _close_slice(before: list[Slice], segments: list[Segment]) -> Slice:
    first_row = before[-1].first_row + before[-1].rows if before else 0
    return Slice(len(before), first_row, sum(one.stop - one.start for one in segments), tuple(segments))


def _extent(group: pq.RowGroupMetaData, columns: Sequence[str] | None) -> tuple[int, int]:
    """Rows of a row group, and bytes of each of them in the columns that are read."""
    wanted = None if columns is None else set(columns)
    chunks = (group.column(at) for at in range(group.num_columns))
    size = sum(
        chunk.total_uncompressed_size
        for chunk in chunks
        if wanted is None or chunk.path_in_schema.split(".")[0] in wanted
    )
    return group.num_rows, size // max(group.num_rows, 1)


def _read_metadata(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _check_columns(path: Path, schema: pa.Schema, columns: Sequence[str] | None) -> None:
    missing = sorted(set(columns or ()) - set(schema.names))
    if missing:
        raise EngineError(
            f"has no column {', '.join(map(repr, missing))}",
            where=str(path),
            todo=f"it has {', '.join(schema.names)}",
        )


def _fingerprint(path: Path) -> str:
    """SHA-256 of a small file, or of a large one's size and Parquet footer."""
    try:
        with path.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if size > _HASHED_WHOLE:
                handle.seek(-8, os.SEEK_END)
                handle.seek(-8 - int.from_bytes(handle.read(4), "little"), os.SEEK_END)
            return f"{size}:{hashlib.sha256(handle.read()).hexdigest()}"
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> EngineError:
    said = (str(error).splitlines() or [type(error).__name__])[0][:120]
    return EngineError(
        f"could not be read as Parquet ({said})",
        where=str(path),
        todo="make the file again",
    )
