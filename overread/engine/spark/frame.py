"""A stage over a DataFrame: `mapInArrow` round the same call that every engine makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from overread.engine.slices import BATCH_ROWS
from overread.engine.spark.frame_waves import BYTES, RECORDS, batch_bytes, batch_settings, bytes_of
from overread.engine.spark.payload import Carried, Payload
from overread.engine.spark.slice_task import said_of
from overread.engine.stage import Stage, apply_stage
from overread.errors import OverreadError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

KEY = "overread_key"
"""The column by which rows of a frame find what is known of them beside their content."""
ERROR = "overread_error"
"""The column in which a task tells of an error that trying again would not mend."""


def apply(stage: Stage, frame: DataFrame, *, columns: Sequence[str] | None = None) -> DataFrame:
    """Run a stage over a DataFrame; lazily, as everything that Spark does.

    Images travel as encoded bytes in batches of at most 64 MB; where this Spark cannot count bytes (before
    4.1) and its session hands out more than 64 rows at once, this sets
    `spark.sql.execution.arrow.maxRecordsPerBatch` to 64. Inside a partition no row is lost, none
    comes twice, and their order stays.

    Args:
        stage: What to run, opened once a worker process; its files travel with it.
        frame: With the columns that the stage reads.
        columns: Those of the frame that the stage needs; None for all.

    Returns:
        A DataFrame of `spark_schema(stage.schema)`.

    Raises:
        UsageError: The frame lacks a column.
        EngineError: The stage cannot be sent to a worker.
    """
    lacking = sorted(set(columns or ()) - set(frame.columns))
    if lacking:
        raise UsageError(
            f"has no column {', '.join(map(repr, lacking))}",
            where="DataFrame",
            todo=f"it has {', '.join(frame.columns)}",
        )
    session = frame.sparkSession
    for name, value in bounded_batches(session).items():
        session.conf.set(name, value)
    schema = spark_schema(stage.schema)
    task = FrameTask(sent(session, stage), schema)
    chosen = frame.select(*columns) if columns is not None else frame
    return chosen.mapInArrow(task, spark_types(schema))


class FrameTask:
    """What a task does with its partition.

    Args:
        stage: On its way to the workers.
        schema: `spark_schema` of the stage's.
        known: A broadcast of a table with the column `KEY`: what is known of the rows beside their `content`,
            which is all that comes from Spark then. None: rows come whole.
        telling: Whether an error is yielded as a row with `ERROR`, instead of raised.
    """

    def __init__(
        self, stage: Carried | Payload, schema: pa.Schema, *, known: Any = None, telling: bool = False
    ) -> None:
        self._stage, self._schema, self._known, self._telling = stage, schema, known, telling

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Run the stage over a partition, with one thread."""
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        try:
            stage = self._stage.opened()
            rows = _cut(batches)
            if self._known is not None:
                rows = joined(rows, self._known.value)
            for batch in apply_stage(stage, rows, rows=_partition()):
                made = retyped(batch, self._schema)
                yield _with_error(made) if self._telling else made
        except OverreadError as error:
            if not self._telling:
                raise
            yield _told(self._schema, said_of(error, where=_partition()))


_WIDER = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.int64()}


def sent(session: SparkSession, stage: Stage) -> Carried | Payload:
    """A stage on its way to the workers; in a session without broadcasts (Spark Connect) in every task.

    Raises:
        EngineError: It cannot be sent.
    """
    try:
        context = session.sparkContext
    except Exception:  # Spark Connect says so in an error of its own that may not be installed
        return Payload.of(stage)
    return Carried.by(context, stage)


def joined(batches: Iterator[pa.RecordBatch], known: pa.Table) -> Iterator[pa.RecordBatch]:
    """Complete rows of `KEY` and `content` by what is known; rows that nobody knows are left out."""
    at = {key: row for row, key in enumerate(known[KEY].to_pylist())}
    others = known.drop_columns([KEY])
    for batch in batches:
        places = [at.get(key) for key in batch.column(KEY).to_pylist()]
        mine = [row for row, place in enumerate(places) if place is not None]
        rows = others.take(pa.array([place for place in places if place is not None], pa.int64()))
        content = batch.column("content")
        if len(mine) < batch.num_rows:
            content = content.take(pa.array(mine, pa.int64()))
        columns = {name: rows[name].combine_chunks() for name in others.column_names} | {"content": content}
        if mine:
            yield pa.RecordBatch.from_pydict(columns)


def spark_schema(schema: pa.Schema) -> pa.Schema:
    """A schema with the types that Spark has: it has no fixed sizes, unsigned or half numbers."""
    return pa.schema([pa.field(field.name, _spark_type(field.type)) for field in schema])


def spark_types(schema: pa.Schema) -> Any:
    """The StructType of Spark for `spark_schema`."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)


def retyped(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch with the same columns in other types."""
    columns = [batch.column(field.name).cast(field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def bounded_batches(session: SparkSession, *, largest: int | None = None) -> dict[str, str]:
    """What to set in a session so that its batches of images stay small; see `batch_settings`."""
    records = session.conf.get(RECORDS, "10000") or "10000"
    most = batch_bytes(heap_of_a_task(session))
    return batch_settings(records, setting(session, BYTES), largest=largest, most=most)


def heap_of_a_task(session: SparkSession) -> int:
    """Bytes of Java memory that fall to one task; those of Spark's defaults where nobody can tell."""
    try:
        context: Any = session.sparkContext
        if str(context.master).startswith("local"):
            heap, machines = int(context._jvm.java.lang.Runtime.getRuntime().maxMemory()), 1
        else:
            heap = bytes_of(context.getConf().get("spark.executor.memory", "1g"))
            machines = len(context._jsc.sc().statusTracker().getExecutorInfos()) - 1  # one is the driver
        return int(max(heap, 2**28) // -(-context.defaultParallelism // max(machines, 1)))
    except Exception:  # Spark Connect does not say
        return 2**29


def setting(session: SparkSession, name: str) -> str | None:
    """A setting of the session, be it the default; None where this Spark does not know it."""
    try:
        return session.conf.get(name)
    except Exception:  # its class differs between Spark's versions and Connect
        return None


def _spark_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_fixed_size_binary(kind):
        return pa.binary()
    if pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind):
        return pa.list_(_spark_type(kind.value_type))
    if pa.types.is_dictionary(kind):
        return _spark_type(kind.value_type)
    if pa.types.is_float16(kind):
        return pa.float32()
    return _WIDER.get(kind, kind)


def _cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """As few rows at once as every engine hands to a stage."""
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def _partition() -> str:
    from pyspark import TaskContext

    context = TaskContext.get()
    return f"partition {context.partitionId()}" if context is not None else "a partition"


def _with_error(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.append_column(pa.field(ERROR, pa.string()), pa.nulls(batch.num_rows, pa.string()))


def _told(schema: pa.Schema, said: str) -> pa.RecordBatch:
    columns = {field.name: pa.nulls(1, field.type) for field in schema}
    return pa.RecordBatch.from_pydict({**columns, ERROR: pa.array([said], pa.string())})
