"""Rows of numbers as a DataFrame of Spark, laid out the same way whatever runs them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from overread.engine import Engine

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROW, FOLD, COUNTED = "row", "fold", "counted"
PARTITION_BYTES = 256 << 20
_ROWS_A_CHUNK = 4096


@contextmanager
def session_of(engine: Engine) -> Iterator[SparkSession]:
    """The session of a Spark engine; with another engine one on all cores of this machine, stopped after.

    Raises:
        EngineError: Spark or its Java machine cannot be had.
    """
    from overread.engine.spark import SparkEngine
    from overread.engine.spark.session import open_session

    if isinstance(engine, SparkEngine):
        yield engine.session
        return
    with open_session(None, conf={}) as session:
        yield session


@contextmanager
def spark_rows(
    session: SparkSession,
    columns: Mapping[str, npt.NDArray[Any]],
    vectors: Mapping[str, npt.NDArray[np.float32]],
) -> Iterator[DataFrame]:
    """Rows in Spark's memory, freed after; the column `row` numbers them.

    Spark adds numbers up partition by partition and draws rows by their place in it, so that other partitions
    are another result. Here they follow from the rows alone: row numbers are hashed to as many partitions as
    the numbers need, and sorted. One or two partitions give the same bytes on every master; of more, sums
    come in in the order in which tasks end, and the last digits may differ.

    Args:
        session: Where.
        columns: `[n]` each; NaN becomes null.
        vectors: `float32 [n, k]` each, as vectors of Spark ML.
    """
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as F

    count = len(next(iter(columns.values())))
    table = pa.table(
        {
            ROW: np.arange(count),
            **{name: pa.array(column, from_pandas=True) for name, column in columns.items()},
            **{name: _lists(rows) for name, rows in vectors.items()},
        }
    )
    values = sum(rows.size for rows in vectors.values())
    partitions = max(1, math.ceil(values * 8 / PARTITION_BYTES))
    plain = [F.col(name) for name in (ROW, *columns)]
    frame = (
        session.createDataFrame(table)
        .repartition(partitions, ROW)
        .sortWithinPartitions(ROW)
        .select(*plain, *(array_to_vector(F.col(name)).alias(name) for name in vectors))
        .cache()
    )
    try:
        frame.count()
        yield frame
    finally:
        frame.unpersist()


def _lists(rows: npt.NDArray[np.float32]) -> pa.ChunkedArray:
    """Rows `[n, k]` as lists, some thousand at a time: an offset of 32 bits must not run over."""
    chunks = []
    for start in range(0, len(rows), _ROWS_A_CHUNK):
        part = np.ascontiguousarray(rows[start : start + _ROWS_A_CHUNK], np.float32)
        ends = np.arange(len(part) + 1, dtype=np.int32) * part.shape[1]
        chunks.append(pa.ListArray.from_arrays(pa.array(ends), pa.array(part.ravel())))
    return pa.chunked_array(chunks, pa.list_(pa.float32()))
