"""How many images become one part, and how many parts one job of Spark: by rows and by bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

PART_ROWS, PART_BYTES = 256, 64 * 2**20
"""A part is closed once it holds this many rows, or rows of so many bytes."""
WAVE_ROWS = (1024, 8192)
"""A wave holds at least, and at most, so many rows."""
BATCH_ROWS, BATCH_BYTES = 64, 64 * 2**20
"""What a worker of Python is handed at once, at most, but for a single image that is larger."""
_COPIES, _SHARE_OF_A_BATCH = 6, 8

RECORDS = "spark.sql.execution.arrow.maxRecordsPerBatch"
BYTES = "spark.sql.execution.arrow.maxBytesPerBatch"
_SIZE = re.compile(r"(-?\d+)\s*([kmgt]?)i?b?", re.IGNORECASE)


def cut_parts(sizes: NDArray[np.int64], units: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut rows into parts; what a part is does not depend on the cluster, so that any cluster goes on.

    Args:
        sizes: int64 [rows], bytes.
        units: int64 [rows]: neighbours with the same number stay together, as rows of one Parquet file.

    Returns:
        First row and the row behind the last of each part, in order.

    Example:
        >>> cut_parts(np.array([2**26, 1, 1, 1]), np.array([0, 1, 2, 2]))
        [(0, 1), (1, 4)]
    """
    parts: list[tuple[int, int]] = []
    start = size = 0
    for row in range(len(sizes)):
        size += int(sizes[row])
        inside = row + 1 < len(units) and units[row + 1] == units[row]
        if not inside and (row + 1 - start >= PART_ROWS or size >= PART_BYTES):
            parts.append((start, row + 1))
            start, size = row + 1, 0
    if start < len(sizes):
        parts.append((start, len(sizes)))
    return parts


def group_waves(
    parts: Sequence[tuple[int, int]], sizes: NDArray[np.int64], missing: Sequence[int], *, cores: int
) -> Iterator[list[int]]:
    """Put missing parts together into waves, each a job of Spark that all cores work on for a while.

    Args:
        parts: From `cut_parts`.
        sizes: int64 [rows], bytes.
        missing: Numbers of the parts that are still to be made, ascending.
        cores: How many tasks run at once.

    Yields:
        Numbers of parts; at least one each.
    """
    most_rows, most_bytes = int(np.clip(PART_ROWS * cores, *WAVE_ROWS)), 4 * PART_BYTES * cores
    wave: list[int] = []
    rows = size = 0
    for number in missing:
        start, stop = parts[number]
        more = int(sizes[start:stop].sum())
        if wave and (rows + stop - start > most_rows or size + more > most_bytes):
            yield wave
            wave, rows, size = [], 0, 0
        wave.append(number)
        rows, size = rows + stop - start, size + more
    if wave:
        yield wave


def largest_file(heap: int) -> int:
    """Bytes of the largest file that may pass through a task of Spark.

    A row of Java holds a file up to six times while it is read and handed to Python (measured with Spark 4.3:
    200 MB ended a Java machine of 1 GB).

    Args:
        heap: Bytes of the Java machine's memory that fall to one task.
    """
    return heap // _COPIES


def batch_bytes(heap: int) -> int:
    """Bytes that a worker of Python is handed at once; `heap` as of `largest_file`."""
    return int(np.clip(heap // _SHARE_OF_A_BATCH, 2**22, BATCH_BYTES))


def batch_settings(
    records: str, by_bytes: str | None, *, largest: int | None = None, most: int = BATCH_BYTES
) -> dict[str, str]:
    """Settings that keep what a worker is handed at once small, where the session has none that do.

    Arrow's own limit is 2 GB a batch, and Spark's default of 10,000 images a batch is beyond it.

    Args:
        records: What the session says for `RECORDS`.
        by_bytes: What it says for `BYTES`; None where this Spark does not know it (before 4.1).
        largest: Bytes of the largest image, where that is known.
        most: Bytes that a batch should have.

    Example:
        >>> batch_settings("10000", "67108864b"), batch_settings("10000", None, largest=200 * 2**20)
        ({}, {'spark.sql.execution.arrow.maxRecordsPerBatch': '1'})
    """
    if by_bytes is not None:
        return {} if 0 < bytes_of(by_bytes) <= most else {BYTES: str(most)}
    wanted = BATCH_ROWS if largest is None else int(np.clip(most // max(largest, 1), 1, BATCH_ROWS))
    return {} if 0 < int(records) <= wanted else {RECORDS: str(wanted)}


def bytes_of(said: str) -> int:
    """Bytes of a size as Spark writes it ("512m", "67108864b"); -1 where it is none."""
    match = _SIZE.fullmatch(said.strip())
    return int(match[1]) * 1024 ** " kmgt".index(match[2].lower() or " ") if match else -1
