"""The engine of a cluster: Spark shares the slices of a Parquet source out and looks after its workers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overread.engine.atomic import remove_unfinished
from overread.engine.parts import is_finished, part_name
from overread.engine.run_folder import Run, begin_run
from overread.engine.spark.payload import Payload
from overread.engine.spark.slice_task import RESULT_TYPES, STOP_FILE, SliceTask, error_of
from overread.engine.stage import Stage
from overread.errors import EngineError
from overread.progress import SILENT, Progress, Task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_TASKS_A_CORE = 8
_POLL_S = 1.0


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
        source = source.absolute() if isinstance(source, Path) else [path.absolute() for path in source]
        run = begin_run(stage, source, out.absolute(), key=key, columns=columns, rows_per_part=rows_per_part)
        (run.job.out / STOP_FILE).unlink(missing_ok=True)
        with progress.task(label, run.rows) as task:
            task.advance(run.rows - sum(piece.rows for piece in run.missing))
            if run.missing:
                with _watched(run, task):
                    self._run_missing(stage, run)
        run.end()
        return out

    def _run_missing(self, stage: Stage, run: Run) -> None:
        context = self.session.sparkContext
        payload = Payload.of(stage)
        carried = context.broadcast((payload, run.job, run.missing))
        tasks = min(len(run.missing), _TASKS_A_CORE * context.defaultParallelism)
        frame = self.session.range(0, len(run.missing), 1, numPartitions=tasks)
        try:
            rows = frame.mapInArrow(SliceTask(carried), RESULT_TYPES).collect()
        except Exception as error:
            raise self._said(error) from error
        finally:
            carried.destroy()
            remove_unfinished(run.job.out)
        failed = sorted((row for row in rows if row["error"] is not None), key=lambda row: row["at"])
        (run.job.out / STOP_FILE).unlink(missing_ok=True)
        if failed:
            raise error_of(failed[0]["error"])

    def _said(self, error: Exception) -> Exception:
        """A failure of Spark in one sentence."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return EngineError(
            f"Spark gave up ({lines[0][:200] if lines else type(error).__name__})",
            where=f"master {self.session.sparkContext.master}",
            todo="run the same command again, finished parts are kept; --debug shows what Spark says",
        )


@contextmanager
def _watched(run: Run, task: Task) -> Iterator[None]:
    """Advance the bar by the parts that appear, while Spark is at work."""
    ended = threading.Event()
    left: list[Any] = list(run.missing)

    def look() -> None:
        done = [piece for piece in left if (run.job.out / part_name(piece.index)).is_file()]
        for piece in done:
            left.remove(piece)
            task.advance(piece.rows)

    def watch() -> None:
        while not ended.wait(_POLL_S):
            look()

    watcher = threading.Thread(target=watch, name="spark-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        look()
    lost = [
        piece
        for piece in run.missing
        if not is_finished(run.job.out / part_name(piece.index), mark=run.job.mark, rows=None)
    ]
    if lost:
        raise EngineError(
            f"{len(lost)} parts that Spark's workers say to have written are not there",
            where=str(run.job.out),
            todo="put the folder on a disk that all machines of the cluster share",
        )
