"""What Spark reads images from: folders of files and Parquet, opened; and what it says where that fails."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from overread.engine.spark.complaints import complaint
from overread.engine.spark.frame import setting

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_GLOB = re.compile(r"([\\*?\[\]{}])")


@dataclass(frozen=True)
class Dataset:
    """Parquet with images in it.

    Attributes:
        path: As Hadoop spells it.
        name_column: The column that is a row's image_id.
    """

    path: str
    name_column: str


def open_dataset(session: SparkSession, path: str) -> DataFrame:
    """A Parquet file, or all that lie in a folder."""
    return loaded(session, session.read.format("parquet").options(recursiveFileLookup=True), [path])


def dataset_rows(frame: DataFrame, columns: Sequence[str]) -> pa.Table:
    """Some columns of all rows, file after file as they are sorted by name, row after row.

    Returns:
        The columns, and `holder` (the file, URI-encoded), `size` (int64: bytes, shared out evenly over the
        file's rows) and `modified` (int64: of the file, nanoseconds since 1970).

    Raises:
        EngineError: Spark gave up.
    """
    session = frame.sparkSession
    try:
        table: pa.Table = frame.selectExpr(
            *(f"`{name}`" for name in columns),
            "_metadata.file_path AS holder",
            "_metadata.row_index AS overread_row",
            "_metadata.file_size AS size",
            "unix_micros(_metadata.file_modification_time) * 1000 AS modified",
        ).toArrow()
    except Exception as error:
        raise complaint(error, master=master_of(session)) from error
    table = table.sort_by([("holder", "ascending"), ("overread_row", "ascending")])
    counts = {one["values"]: one["counts"] for one in table["holder"].value_counts().to_pylist()}
    holders, sizes = table["holder"].to_pylist(), table["size"].to_pylist()
    shares = [size // counts[holder] for holder, size in zip(holders, sizes, strict=True)]
    at = table.schema.get_field_index("size")
    return table.set_column(at, "size", pa.array(shares, pa.int64())).drop_columns(["overread_row"])


def loaded(session: SparkSession, reader: Any, paths: Sequence[str]) -> DataFrame:
    """What a reader finds at paths, in which no character has a meaning of its own.

    Raises:
        EngineError: Spark cannot list them.
    """
    try:
        frame: DataFrame = reader.load([_GLOB.sub(r"\\\1", path) for path in paths])
    except Exception as error:
        raise complaint(error, master=master_of(session)) from error
    return frame


@contextmanager
def in_session(session: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    """Set the session to something for as long as the context lasts."""
    before = [(name, setting(session, name)) for name in settings]
    for name, value in settings.items():
        session.conf.set(name, value)
    try:
        yield
    finally:
        for name, old in before:
            if old is not None:
                session.conf.set(name, old)


def master_of(session: SparkSession) -> str:
    """What a message calls the cluster."""
    try:
        return str(session.sparkContext.master)
    except Exception:  # Spark Connect has an error of its own for this
        return "Spark Connect"
