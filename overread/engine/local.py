"""The engine of one machine: worker processes over slices of a Parquet source."""

from __future__ import annotations

import hashlib
import json
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

from overread.engine.atomic import remove_unfinished, unwritable, write_atomically
from overread.engine.parts import is_finished, is_marked, list_parts, part_name
from overread.engine.slices import Plan, Slice, plan_slices, source_files
from overread.engine.stage import Stage, expands, stage_name
from overread.engine.worker import Done, Failed, Job, run_slice, work, worker_environment
from overread.errors import EngineError, UsageError
from overread.progress import SILENT, Progress, Task

RUN_FILE = "run.json"
_FORMAT = 1
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
        """Run a stage over a Parquet source; what an earlier, interrupted run has finished is kept.

        The parts, their numbers and their bytes do not depend on the number of workers.

        Args:
            stage: What to run; must be picklable unless there is one worker.
            source: A Parquet file, a folder of `part-*.parquet`, or several of these, in order.
            out: Folder for `part-00000.parquet`, … and `run.json`; made where missing.
            key: Names what the stage computes: all that changes its numbers (model hash, settings).
                Parts of a run with another key, source or schema are removed.
            columns: The source's columns that the stage needs; None for all.
            rows_per_part: Input rows of each part; a stage that expands writes more.
            label: What is done, for the progress bar.
            progress: Who listens; advances by rows.

        Returns:
            `out`.

        Raises:
            EngineError: The source or the folder does not fit, the stage broke its rule or raised, a worker
                process was ended, or the disk is full. The same call again goes on where this one stopped.
            OverreadError: Whatever the stage raised of these.
        """
        if rows_per_part < 1:
            raise UsageError(f"expected at least 1 row a part, got {rows_per_part}", where="rows_per_part")
        _check_apart(source, out)
        plan = plan_slices(source, rows_per_part=rows_per_part, columns=columns)
        job = Job(
            out,
            _digest(stage, plan, key, columns, rows_per_part),
            tuple(columns) if columns is not None else None,
        )
        missing = _prepare(plan, job, counted=not expands(stage))
        record = {"key": key, "source": plan.identity, "rows_per_part": rows_per_part}
        record |= {"parts": len(plan.slices), "rows": plan.rows}
        if missing:
            _write_record(out, {**record, "complete": False})
        with progress.task(label, plan.rows) as task:
            task.advance(plan.rows - sum(piece.rows for piece in missing))
            if self.workers == 1 or len(missing) == 1:
                for piece in missing:
                    task.advance(run_slice(stage, piece, job))
            elif missing:
                _run_in_processes(stage, missing, job, workers=min(self.workers, len(missing)), task=task)
        _write_record(out, {**record, "complete": True})
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
        raise answer.error from _WorkerTracebackError(answer.trace)
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


class _WorkerTracebackError(Exception):
    """Where in the worker process an error came from."""

    def __str__(self) -> str:
        return f"\n\n{self.args[0]}"


def _check_apart(source: Path | Sequence[Path], out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise EngineError("is a file, expected a folder", where=str(out), todo="name another folder")
    if any(path.resolve().parent == out.resolve() for path in source_files(source)):
        raise EngineError(
            "is where the source lies", where=str(out), todo="name another folder for the output"
        )


def _digest(stage: Stage, plan: Plan, key: str, columns: Sequence[str] | None, rows_per_part: int) -> str:
    said = {
        "format": _FORMAT,
        "key": key,
        "source": plan.identity,
        "columns": list(columns) if columns is not None else None,
        "rows_per_part": rows_per_part,
        "schema": [[field.name, str(field.type)] for field in stage.schema],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _prepare(plan: Plan, job: Job, *, counted: bool) -> list[Slice]:
    """Make the folder ready; returns the slices whose part is still to be made.

    Args:
        plan: The slices.
        job: The run.
        counted: Whether a part must hold as many rows as its slice.
    """
    out = job.out
    try:
        out.mkdir(parents=True, exist_ok=True)
        remove_unfinished(out)
        missing = [
            piece
            for piece in plan.slices
            if not is_finished(
                out / part_name(piece.index), mark=job.mark, rows=piece.rows if counted else None
            )
        ]
        kept = {part_name(piece.index) for piece in plan.slices} - {
            part_name(piece.index) for piece in missing
        }
        stale = [path for path in list_parts(out) if path.name not in kept]
        if not (out / RUN_FILE).exists() and not all(map(is_marked, stale)):
            raise EngineError(
                "holds Parquet parts that Overread did not write",
                where=str(out),
                todo="name another folder, or remove them",
            )
        for path in stale:
            path.unlink()
    except OSError as error:
        raise unwritable(out, error) from error
    return missing


def _write_record(out: Path, record: dict[str, object]) -> None:
    content = (json.dumps(record, indent=2) + "\n").encode()
    path = out / RUN_FILE
    if not path.is_file() or path.read_bytes() != content:
        write_atomically(path, content)
