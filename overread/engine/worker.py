"""What a worker process does: open the stage once, then turn slices into parts until told to stop."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path

import pyarrow as pa

from overread.engine.environment import environment
from overread.engine.parts import part_name, write_part
from overread.engine.slices import Slice, read_slice
from overread.engine.stage import Stage, apply_stage
from overread.errors import EngineError, OverreadError

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """What is the same for every slice of a run.

    Attributes:
        out: The folder of the parts.
        mark: The run's digest.
        columns: The columns to read; None for all.
    """

    out: Path
    mark: str
    columns: tuple[str, ...] | None


@dataclass(frozen=True)
class Done:
    """A slice of so many rows has become a part."""

    rows: int


@dataclass(frozen=True)
class Failed:
    """A slice could not become a part.

    Attributes:
        error: What to raise in the parent.
        trace: Where it came from, for people who debug.
    """

    error: OverreadError
    trace: str


class WorkerTracebackError(Exception):
    """Where in a worker process an error came from; the cause of what is raised in the parent."""

    def __str__(self) -> str:
        return f"\n\n{self.args[0]}"


def run_slice(stage: Stage, piece: Slice, job: Job) -> int:
    """Read a slice, run the stage over it, write the part; returns how many rows were read.

    Raises:
        OverreadError: What the stage raised, or EngineError.
    """
    batches = (
        apply_stage(stage, read_slice(piece, columns=job.columns), rows=piece.label)
        if piece.rows
        else iter(())
    )
    write_part(job.out / part_name(piece.index), batches, schema=stage.schema, mark=job.mark)
    return piece.rows


def work(connection: Connection, stage: bytes, job: Job) -> None:
    """The life of a worker process.

    Args:
        connection: Slices come in (None: stop), `Done` or `Failed` goes out, one for one.
        stage: The stage, pickled by the parent process.
        job: What is the same for every slice.
    """
    _end_with_parent()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    opened: Stage | None = None
    while True:
        try:
            piece = connection.recv()
        except (EOFError, OSError):
            return
        if piece is None:
            return
        answer: Done | Failed
        try:
            if opened is None:
                opened = _open(stage)
            answer = Done(run_slice(opened, piece, job))
        except OverreadError as error:
            answer = Failed(_sendable(error), traceback.format_exc())
        connection.send(answer)


@contextmanager
def worker_environment() -> Iterator[None]:
    """Let processes that are started inside inherit one thread each, and no interest in ctrl-C.

    The parent alone reacts to ctrl-C: it stops its workers itself. The signal stays pending for it.
    """
    mask = None
    if hasattr(signal, "pthread_sigmask"):
        # Started first: starting it lifts a block of the signal.
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with environment(dict.fromkeys(_ONE_THREAD, "1")):
            yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _open(stage: bytes) -> Stage:
    try:
        opened: Stage = pickle.loads(stage)
    except Exception as error:
        raise EngineError(
            f"the stage could not be opened in a worker process ({type(error).__name__}: {error})",
            todo="define the stage's class in a module that can be imported",
        ) from error
    return opened


def _sendable(error: OverreadError) -> OverreadError:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return EngineError(str(error))
    return error


def _end_with_parent() -> None:
    """End this process as soon as its parent is gone, even when it was killed."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        with suppress(OSError):
            wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
