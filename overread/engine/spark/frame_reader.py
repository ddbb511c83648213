"""Images of a Hadoop file system, read by Spark's workers and, where they bring nothing, by the driver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from overread.engine.spark.complaints import complaint
from overread.engine.spark.frame import (
    ERROR,
    KEY,
    FrameTask,
    bounded_batches,
    heap_of_a_task,
    retyped,
    setting,
    spark_schema,
    spark_types,
)
from overread.engine.spark.frame_source import Dataset, in_session, loaded, open_dataset
from overread.engine.spark.frame_waves import largest_file
from overread.engine.spark.hadoop import HadoopFiles, encoded
from overread.engine.spark.payload import Carried
from overread.engine.stage import REJECT_DETAIL, REJECT_REASON, Stage, apply_stage
from overread.errors import DecodeError, EngineError, OverreadError
from overread.imaging.limits import DecodeLimits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

HOLDER = "holder"
"""The column that names the Parquet file with a row's content, as `_metadata.file_path` does; null: the row's
content is the file that its column `file` names."""
_IGNORED = "spark.sql.files.ignoredPathSegmentRegex"
_NOTHING_BUT_DOTS = r"^\."


@dataclass(frozen=True)
class RemoteImages:
    """What is to be read.

    Attributes:
        rows: `image_id` (unique), `uri`, `file` (binary: the path as Hadoop spells it), `size`, `modified`,
            `HOLDER`, and what else the stage is to know; rows of one holder are neighbours.
        roots: Files and folders that hold all of the files.
        datasets: That hold all of the holders.
    """

    rows: pa.Table
    roots: tuple[str, ...] = ()
    datasets: tuple[Dataset, ...] = ()

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """int64 [rows], bytes; 0 where nobody knows."""
        return np.asarray(self.rows["size"].fill_null(0).to_numpy(), np.int64)

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """int64 [rows]: the same number for neighbours of one holder."""
        holders = self.rows[HOLDER].to_pylist()
        new = [at == 0 or one is None or one != holders[at - 1] for at, one in enumerate(holders)]
        return np.cumsum(new)


@contextmanager
def seeing_all(session: SparkSession) -> Iterator[None]:
    """Let Spark see files whose name begins with an underscore, where it can be told to (from 4.3)."""
    known = setting(session, _IGNORED) is not None
    with in_session(session, {_IGNORED: _NOTHING_BUT_DOTS} if known else {}):
        yield


class RemoteReader:
    """Reads rows with a stage, in one job of Spark for those of each kind."""

    def __init__(
        self, session: SparkSession, stage: Stage, images: RemoteImages, limits: DecodeLimits
    ) -> None:
        self.session, self.stage, self.images, self._limits = session, stage, images, limits
        self.alone = 0
        self._largest = largest_file(heap_of_a_task(session))
        self._hadoop = HadoopFiles(session)
        self._schema = spark_schema(stage.schema)
        self._sent = Carried.by(session.sparkContext, stage)
        self._kept = [name for name in images.rows.column_names if name not in _OWN]

    def close(self) -> None:
        """Let the workers forget the stage."""
        self._sent.destroy()

    def read(self, at: NDArray[np.int64]) -> pa.Table:
        """What the stage yields for some rows, in their order.

        Args:
            at: int64 [n], numbers of the rows, ascending.
        """
        rows = self.images.rows.take(pa.array(at))
        held = pc.is_valid(rows[HOLDER])
        answers = [
            *self._files(rows.filter(pc.invert(held))),
            *self._datasets(rows.filter(held)),
        ]
        made = pa.concat_tables([table for table in answers if table.num_rows] or [_empty(self.stage)])
        place = {name: row for row, name in enumerate(made["image_id"].to_pylist())}
        wanted = rows["image_id"].to_pylist()
        if len(place) < made.num_rows or set(place) != set(wanted):
            raise EngineError(
                f"asked for {len(wanted)} images and got {made.num_rows}",
                where="Spark",
                todo="run the same command again once the source is at rest",
            )
        return made.take(pa.array([place[name] for name in wanted], pa.int64()))

    def _files(self, rows: pa.Table) -> Iterator[pa.Table]:
        """Files: of Spark's workers first; what they did not bring, of the driver."""
        most = min(self._limits.max_bytes, self._largest)
        likely = rows.filter(pc.and_(pc.greater(rows["size"], 0), pc.less_equal(rows["size"], most)))
        made = self._ask_for_files(likely) if likely.num_rows else _empty(self.stage)
        yield made
        brought = pc.is_in(rows["image_id"], value_set=made["image_id"].combine_chunks())
        for row in rows.filter(pc.invert(brought)).to_pylist():
            yield self._alone(row)

    def _ask_for_files(self, rows: pa.Table) -> pa.Table:
        try:
            return self._ask_workers(rows)
        except _NoAccessError as error:
            paths = [file.decode() for file in rows["file"].to_pylist()]
            closed = [self._hadoop.refused(path) is not None for path in paths]
            if not any(closed):
                raise error.said from error
            return self._ask_workers(rows.filter(pa.array([not one for one in closed])))

    def _ask_workers(self, rows: pa.Table) -> pa.Table:
        paths = [file.decode() for file in rows["file"].to_pylist()]
        largest = pc.max(rows["size"]).as_py()
        frame = self._all_files.filter(_among({*paths, *map(encoded, paths)}))
        return self._ask(frame.selectExpr(f"path AS {KEY}", "content"), rows, paths, largest=largest)

    def _datasets(self, rows: pa.Table) -> Iterator[pa.Table]:
        """Rows of Parquet, whose files are read whole."""
        if rows.num_rows:
            among = _among(set(rows[HOLDER].to_pylist()))
            chosen = [
                frame.filter(among).selectExpr(f"CAST(`{name}` AS STRING) AS {KEY}", "content")
                for frame, name in self._all_rows
            ]
            frame = reduce(lambda one, other: one.union(other), chosen)
            yield self._ask(frame, rows, rows["image_id"].to_pylist(), largest=None)

    def _ask(self, frame: DataFrame, rows: pa.Table, keys: list[str], *, largest: int | None) -> pa.Table:
        known = rows.select(self._kept).append_column(KEY, pa.array(keys, pa.string()))
        carried = self.session.sparkContext.broadcast(known)
        types = spark_types(self._schema.append(pa.field(ERROR, pa.string())))
        task = FrameTask(self._sent, self._schema, known=carried, telling=True)
        try:
            with in_session(self.session, bounded_batches(self.session, largest=largest)):
                answer: pa.Table = frame.mapInArrow(task, types).toArrow()
        except Exception as error:
            said = complaint(error, master=str(self.session.sparkContext.master))
            if "AccessControlException" in str(error):
                raise _NoAccessError(said) from error
            raise said from error
        finally:
            carried.destroy()
        for told in answer[ERROR].drop_null().to_pylist():
            raise OverreadError.from_json(told, otherwise=EngineError)
        batches = answer.drop_columns([ERROR]).to_batches()
        return pa.Table.from_batches(
            [retyped(batch, self.stage.schema) for batch in batches], self.stage.schema
        )

    def _alone(self, row: Mapping[str, Any]) -> pa.Table:
        """One file, opened by the driver: read, or rejected with its reason."""
        try:
            self._limits.check_bytes(row["size"] or 0)
            self.alone += row["size"] != 0
            content = self._hadoop.read(row["file"].decode(), size=row["size"] or 0)
        except DecodeError as error:
            said = error.what + (f"; {error.todo}" if error.todo else "")
            known = {name: row[name] for name in ("image_id", "uri") if name in self.stage.schema.names}
            rejected = {**known, REJECT_REASON: error.reason, REJECT_DETAIL: said}
            return pa.Table.from_pylist([rejected], schema=self.stage.schema)
        fields = self.images.rows.schema
        kept = pa.RecordBatch.from_arrays(
            [*(pa.array([row[name]], fields.field(name).type) for name in self._kept), pa.array([content])],
            names=[*self._kept, "content"],
        )
        batches = apply_stage(self.stage, iter([kept]), rows=f"image '{row['image_id']}'")
        return pa.Table.from_batches(list(batches), self.stage.schema)

    @cached_property
    def _all_files(self) -> DataFrame:
        """All files of all roots: listed once, read only where a wave names them."""
        reader = self.session.read.format("binaryFile").options(
            recursiveFileLookup=True, ignoreMissingFiles=True, ignoreCorruptFiles=True
        )
        return loaded(self.session, reader, self.images.roots)

    @cached_property
    def _all_rows(self) -> list[tuple[DataFrame, str]]:
        return [
            (open_dataset(self.session, dataset.path), dataset.name_column)
            for dataset in self.images.datasets
        ]


_OWN = frozenset({"file", "size", "modified", "content", HOLDER})


class _NoAccessError(Exception):
    """A worker may not open one of the files, for which Spark gives up the whole job."""

    def __init__(self, said: EngineError) -> None:
        super().__init__(str(said))
        self.said = said


def _among(paths: set[str]) -> str:
    """A condition on the file that a row comes from, by which Spark chooses files before it opens any."""
    said = ("'" + path.replace("\\", "\\\\").replace("'", "\\'") + "'" for path in sorted(paths))
    return f"_metadata.file_path IN ({', '.join(said)})"


def _empty(stage: Stage) -> pa.Table:
    return stage.schema.empty_table()
