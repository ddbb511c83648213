"""The engine of one machine: worker processes over slices of a Parquet source."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

from overread.engine.atomic import remove_unfinished
from overread.engine.run_folder import begin_run
from overread.engine.slices import Slice
from overread.engine.stage import Stage, stage_name
from overread.engine.worker import (
    Done,
    Failed,
    Job,
    WorkerTracebackError,
    run_slice,
    work,
    worker_environment,
)
from overread.errors import EngineError, UsageError
from overread.progress import SILENT, Progress, Task

_PATIENCE_S = 10.0


class LocalEngine:
    """Runs stages in processes of this machine.

    Args:
        workers: How many processes; None for one a core, 1 to stay in this process.

    Raises:
        UsageError: `workers` is less than 1.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise UsageError(f"expected at least 1 worker, got {workers}", where="engine.workers")
        self.workers = workers if workers is not None else usable_cores()

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
        """Run a stage over a Parquet source; see `overread.engine.Engine.run`.

        With one worker the stage stays in this process and need not be picklable.
        """
        run = begin_run(stage, source, out, key=key, columns=columns, rows_per_part=rows_per_part)
        with progress.task(label, run.rows) as task:
            task.advance(run.rows - sum(piece.rows for piece in run.missing))
            if self.workers == 1 or len(run.missing) == 1:
                for piece in run.missing:
                    task.advance(run_slice(stage, piece, run.job))
            elif run.missing:
                workers = min(self.workers, len(run.missing))
                _run_in_processes(stage, run.missing, run.job, workers=workers, task=task)
        run.end()
        return out


def usable_cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


@dataclass
class _Worker:
    process: SpawnProcess
    connection: Connection
    piece: Slice | None = None


def _run_in_processes(stage: Stage, missing: list[Slice], job: Job, *, workers: int, task: Task) -> None:
    try:
        payload = bytes(ForkingPickler.dumps(stage))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise EngineError(
            f"cannot be sent to a worker process ({error})",
            where=f"stage {stage_name(stage)}",
            todo="define it at the top of a module and open models when it is first called, or use 1 worker",
        ) from error
    crew: list[_Worker] = []
    ended_well = False
    try:
        for _ in range(workers):
            crew.append(_start(payload, job))
        queue = iter(missing)
        for worker in crew:
            _hand_out(worker, next(queue, None))
        while busy := [worker for worker in crew if worker.piece is not None]:
            ready = wait([worker.connection for worker in busy])
            for worker in busy:
                if worker.connection in ready:
                    task.advance(_collect(worker))
                    _hand_out(worker, next(queue, None))
        ended_well = True
    finally:
        _dismiss(crew, patience=_PATIENCE_S if ended_well else 0.0)
        remove_unfinished(job.out)


def _start(payload: bytes, job: Job) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, payload, job), daemon=True)
    try:
        with worker_environment():
            process.start()
    except (BrokenPipeError, ConnectionError) as error:
        raise _ended(process, "starting") from error
    finally:
        theirs.close()
    return _Worker(process, ours)


def _hand_out(worker: _Worker, piece: Slice | None) -> None:
    worker.piece = piece
    if piece is not None:
        # A worker that is gone shows when its answer is awaited.
        with suppress(BrokenPipeError, ConnectionError):
            worker.connection.send(piece)


def _collect(worker: _Worker) -> int:
    doing = worker.piece.label if worker.piece else "nothing"
    try:
        answer = worker.connection.recv()
    except (EOFError, OSError) as error:
        raise _ended(worker.process, f"at work on {doing}") from error
    if isinstance(answer, Failed):
        raise answer.error from WorkerTracebackError(answer.trace)
    assert isinstance(answer, Done)
    return answer.rows


def _ended(process: SpawnProcess, doing: str) -> EngineError:
    process.join(_PATIENCE_S)
    code = process.exitcode
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    todo = "run the same command again, finished parts are kept"
    if code == 1:
        todo += "; a script of yours must start its work under `if __name__ == '__main__':`"
    else:
        todo += "; if memory ran out, use fewer workers"
    return EngineError(f"a worker process ended ({how}) while {doing}", where="engine", todo=todo)


def _dismiss(crew: list[_Worker], *, patience: float) -> None:
    """Let the workers go home; whoever does not go within `patience` seconds is ended."""
    for worker in crew:
        if patience:
            with suppress(BrokenPipeError, ConnectionError):
                worker.connection.send(None)
        else:
            worker.process.kill()
    for worker in crew:
        worker.process.join(patience or None)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.connection.close()
        worker.process.close()
