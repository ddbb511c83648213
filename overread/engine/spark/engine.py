"""The engine of a cluster: Spark shares the slices of a Parquet source out and looks after its workers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overread.engine.atomic import remove_unfinished
from overread.engine.run_folder import Run, begin_run
from overread.engine.spark.complaints import complaint
from overread.engine.spark.payload import Carried
from overread.engine.spark.seen_parts import SeenParts
from overread.engine.spark.shares import share_out
from overread.engine.spark.slice_task import RESULT_TYPES, STOP_FILE, SliceTask
from overread.engine.stage import Stage
from overread.engine.worker import WorkerTracebackError
from overread.errors import EngineError, OverreadError
from overread.progress import SILENT, Progress, Task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_POLL_S = 1.0
_PATIENCE_S = 10.0


class SparkEngine:
    """Runs stages in tasks of Spark, through `DataFrame.mapInArrow`.

    Driver and workers must see the folders of source and output under the same paths (a disk that they
    share; on one machine they do). What a task is given is a list of slices: it reads their rows from Parquet
    itself and writes their parts itself, so that images pass through no Java machine, a part is whole or not
    there whatever becomes of its task, and a task that Spark tries again does only what is missing.

    Args:
        session: A running session; it is not stopped by this engine.
    """

    def __init__(self, session: SparkSession) -> None:
        self.session = session

    @classmethod
    @contextmanager
    def open(
        cls,
        *,
        master: str | None = None,
        cores: int | None = None,
        conf: Mapping[str, str | int | float | bool],
        progress: Progress = SILENT,
    ) -> Iterator[SparkEngine]:
        """Start a session, or take the one that runs; one that was started here is stopped in the end.

        Args:
            master: See `overread.engine.open_engine`.
            cores: See there.
            conf: See there.
            progress: Is told what was chosen.

        Raises:
            EngineError: Spark or its Java machine cannot be had, or the cluster cannot be reached.
        """
        from overread.engine.spark.session import open_session

        with open_session(master, cores=cores, conf=conf, progress=progress) as session:
            yield cls(session)

    def run(
        self,
        stage: Stage,
        source: Path | Sequence[Path],
        out: Path,
        *,
        key: str,
        columns: Sequence[str] | None = None,
        rows_per_part: int = 64,
        label: str = "running",
        progress: Progress = SILENT,
    ) -> Path:
        """Run a stage over a Parquet source; see `overread.engine.Engine.run`."""
        given, source = (
            out,
            (source.absolute() if isinstance(source, Path) else [path.absolute() for path in source]),
        )
        run = begin_run(stage, source, out.absolute(), key=key, columns=columns, rows_per_part=rows_per_part)
        with progress.task(label, run.rows) as task:
            task.advance(run.rows - sum(piece.rows for piece in run.missing))
            if run.missing:
                _Job(self.session, stage, run, label=label).work(task)
        run.end()
        return given

    def apply(self, stage: Stage, frame: DataFrame, *, columns: Sequence[str] | None = None) -> DataFrame:
        """Run a stage over a DataFrame; see `overread.engine.spark.frame.apply`."""
        from overread.engine.spark.frame import apply

        return apply(stage, frame, columns=columns)


class _Job:
    """One job of Spark: the missing parts of a run, shared out."""

    def __init__(self, session: SparkSession, stage: Stage, run: Run, *, label: str) -> None:
        try:
            self.context = session.sparkContext
        except Exception as error:  # Spark Connect has an error of its own for this
            raise EngineError(
                "expected a session with a SparkContext, got one of Spark Connect",
                where="engine spark",
                todo="run where the driver runs: on the cluster, or with a master",
            ) from error
        self.session, self.stage, self.run, self.label = session, stage, run, label
        self.group = f"overread-{secrets.token_hex(6)}"
        self.rows: list[Any] = []
        self.error: BaseException | None = None

    def work(self, task: Task) -> None:
        """Make the missing parts; the bar moves as they appear.

        Raises:
            OverreadError: What a slice raised, or EngineError.
        """
        from pyspark import InheritableThread

        out, at_once = self.run.job.out, max(1, self.context.defaultParallelism)
        shares = share_out(self.run.missing, at_once=at_once)
        seen = SeenParts(out, shares, at_once=at_once)
        carried = Carried.by(self.context, self.stage)
        work = self.context.broadcast((self.run.job, tuple(shares)))
        # This thread waits and listens for ctrl-C; its line to the Java machine must be free for that.
        make = SliceTask(carried, work, folder=Path.cwd())
        thread = InheritableThread(target=self._collect, args=(make, len(shares)))
        thread.daemon = True
        try:
            thread.start()
            while thread.is_alive():
                before = time.monotonic()
                task.advance(seen.look())
                thread.join(max(_POLL_S, 10 * (time.monotonic() - before)))
        except BaseException:
            self._cancel(thread)
            raise
        finally:
            carried.destroy()
            with suppress(Exception):
                work.destroy()
            remove_unfinished(out)
        rows, lost = seen.settle()
        task.advance(rows)
        self._judge(lost)

    def _collect(self, task: SliceTask, tasks: int) -> None:
        try:
            self.context.setJobGroup(self.group, self.label, interruptOnCancel=True)
            frame = self.session.range(0, tasks, 1, numPartitions=tasks)
            self.rows = frame.mapInArrow(task, RESULT_TYPES).collect()
        except BaseException as error:
            self.error = error

    def _cancel(self, thread: Any) -> None:
        """End the job's tasks; the slices that are under way may still become parts."""
        with suppress(OSError):
            (self.run.job.out / STOP_FILE).touch()
        with suppress(Exception):
            self.context.cancelJobGroup(self.group)
        thread.join(_PATIENCE_S)

    def _judge(self, lost: int) -> None:
        failed = sorted((row for row in self.rows if row["error"] is not None), key=lambda row: row["at"])
        if failed:
            error = OverreadError.from_json(failed[0]["error"], otherwise=EngineError)
            raise error from WorkerTracebackError(failed[0]["trace"])
        if self.error is not None:
            raise complaint(self.error, master=str(self.context.master)) from self.error
        if lost:
            raise EngineError(
                f"{lost} parts that Spark's workers say to have written are not there",
                where=str(self.run.job.out),
                todo="put the folder on a disk that all machines of the cluster share",
            )
