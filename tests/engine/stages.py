"""Stages that the engine's tests run; at module level, since worker processes import them."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from overread.engine import ORIGIN_FIELDS, REJECT_FIELDS
from overread.errors import CohortError

SCHEMA = pa.schema([("image_id", pa.string()), ("double", pa.int64()), *REJECT_FIELDS])


def answer(batch: pa.RecordBatch, *, schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    """Twice the number; numbers that 7 divides are rejected."""
    numbers = batch.column("number").to_pylist()
    bad = [number % 7 == 0 for number in numbers]
    return pa.RecordBatch.from_arrays(
        [
            batch.column("image_id"),
            pa.array([None if no else 2 * n for n, no in zip(numbers, bad, strict=True)], pa.int64()),
            pa.array(["damaged" if no else None for no in bad], pa.string()),
            pa.array(["7 divides it" if no else None for no in bad], pa.string()),
        ],
        schema=schema,
    )


class Double:
    """Doubles numbers; leaves a trace of every call in a folder, and can be slow."""

    schema = SCHEMA

    def __init__(self, trace: Path | None = None, pause_s: float = 0.0) -> None:
        self.trace, self.pause_s = trace, pause_s

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            assert batch.num_rows <= 16
            time.sleep(self.pause_s)
            if self.trace is not None:
                first = batch.column("number")[0].as_py()
                with (self.trace / f"{first:06d}").open("a") as handle:
                    handle.write(f"{os.getpid()}\n")
            yield answer(batch)


class Environment:
    """Yields how many threads the process may use, and who its parent is."""

    schema = pa.schema(
        [("image_id", pa.string()), ("omp", pa.string()), ("arrow", pa.int64()), ("pid", pa.int64())]
    )

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            row = [os.environ.get("OMP_NUM_THREADS"), pa.cpu_count(), os.getpid()]
            columns = [pa.array([value] * batch.num_rows) for value in row]
            yield pa.RecordBatch.from_arrays([batch.column("image_id"), *columns], schema=self.schema)


class Opener(Double):
    """Counts in a file how often a process opened its model."""

    def __init__(self, trace: Path) -> None:
        super().__init__()
        self.folder, self.model = trace, None

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if self.model is None:
            self.model = "open"
            with (self.folder / f"opened-{os.getpid()}").open("a") as handle:
                handle.write("x")
        yield from super().__call__(batches)


class KillsItself(Double):
    """Ends its own process at a certain number, once."""

    def __init__(self, flag: Path) -> None:
        super().__init__()
        self.flag = flag

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if 50 in batch.column("number").to_pylist() and not self.flag.exists():
                self.flag.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield answer(batch)


class Raises(Double):
    """Raises what it was told to."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield answer(next(batches))
        raise self.error


class Drops(Double):
    """Forgets the rows that it cannot process."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield answer(batch).slice(1)


class StopsEarly(Double):
    """Yields one batch and ends."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield answer(next(batches))


class Shuffles(Double):
    """Changes the order of rows."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield answer(batch).take(pa.array(range(batch.num_rows - 1, -1, -1)))


class OtherSchema(Double):
    """Does not yield the schema that it says."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield answer(batch).select(["image_id", "double"])


class ReadsFile(Double):
    """Yields twice the number where its file says so; the file travels with it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.file,)

    def with_files(self, files: tuple[Path, ...]) -> ReadsFile:
        return ReadsFile(files[0])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        assert self.file.read_text() == "twice"
        yield from super().__call__(batches)


class FullDisk(Double):
    """Lets the next file that this process flushes find no space."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        real = os.fsync

        def full(descriptor: int) -> None:
            os.fsync = real
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        os.fsync = full
        yield from super().__call__(batches)


class Repeats:
    """Follows each row by none, one or two more."""

    expands = True
    schema = pa.schema([("image_id", pa.string()), *ORIGIN_FIELDS])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = [
                {"image_id": f"{one}.{copy}" if copy else one, "origin_id": one, "copy": copy}
                for one, number in zip(*(batch.column(at).to_pylist() for at in (0, 1)), strict=True)
                for copy in range(number % 3 + 1)
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=self.schema)


def cohort_error() -> CohortError:
    return CohortError("expected a cat", where="image 'a.jpg'", todo="bring a cat")
