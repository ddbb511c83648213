"""What a task of Spark does: open the stage once a worker process, and turn slices into parts."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from overread.engine.parts import is_finished, part_name
from overread.engine.run_folder import RUN_FILE
from overread.engine.slices import Slice
from overread.engine.spark.payload import Carried
from overread.engine.worker import Job, run_slice
from overread.errors import EngineError, OverreadError

STOP_FILE = "stop.tmp"
"""Stands in a run's folder once a slice could not become a part: nobody begins another one then.
Whoever begins the run again removes it, as all that ends so."""
RESULT_TYPES = "at bigint, rows bigint, error string, trace string"
_RESULT = pa.schema(
    [("at", pa.int64()), ("rows", pa.int64()), ("error", pa.string()), ("trace", pa.string())]
)


class SliceTask:
    """Numbers of shares in, one row about each of their slices out.

    Args:
        stage: As it travels.
        work: A broadcast of the job and all shares (tuples of slices).
        folder: Where the driver works; paths in the rows may be relative to it.
    """

    def __init__(self, stage: Carried, work: Any, *, folder: Path) -> None:
        self._stage, self._work, self._folder = stage, work, folder

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Make the parts; a part that an earlier try of this task has finished is left alone."""
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        _stand_in(self._folder)
        job, shares = self._work.value
        for batch in batches:
            for at in batch.column(0).to_pylist():
                for piece in shares[at]:
                    # Not a return: Spark starts another process for one that leaves its input unread.
                    if (job.out / STOP_FILE).exists():
                        break
                    yield pa.RecordBatch.from_pylist([_make(self._stage, job, piece)], schema=_RESULT)


def _stand_in(folder: Path) -> None:
    """Work where the driver works; a machine that lacks the folder can still read what is absolute."""
    before = Path.cwd()
    if before == folder:
        return
    with suppress(OSError):
        os.chdir(folder)
        # Spark names the code that it brought by paths relative to where a worker began.
        packages = [vars(one).get("__path__") for one in [*sys.modules.values()] if hasattr(one, "__dict__")]
        for paths in (sys.path, *packages):
            if isinstance(paths, list):
                paths[:] = [str(before / path) for path in paths]


def _make(stage: Carried, job: Job, piece: Slice) -> dict[str, Any]:
    made: dict[str, Any] = {"at": piece.index, "rows": piece.rows, "error": None, "trace": None}
    try:
        _check_shared(job, piece)
        if not is_finished(job.out / part_name(piece.index), mark=job.mark, rows=None):
            run_slice(stage.opened(), piece, job)
    except Exception as error:
        # An answer, not a failed task: Spark would try four times what cannot succeed.
        if job.out.is_dir():
            (job.out / STOP_FILE).touch()
        made |= {"error": said_of(error, where=piece.label), "trace": traceback.format_exc()}
    return made


def _check_shared(job: Job, piece: Slice) -> None:
    """Refuse a machine that does not see what the driver sees."""
    needed = [job.out / RUN_FILE, *dict.fromkeys(segment.path for segment in piece.segments)]
    unseen = next((path for path in needed if not path.exists()), None)
    if unseen is not None:
        raise EngineError(
            f"the machine {platform.node()} of the cluster does not see this file",
            where=str(unseen),
            todo="put source and output on a disk that all machines share, under the same path",
        )


def said_of(error: Exception, *, where: str) -> str:
    """An error as text that `OverreadError.from_json` understands."""
    if not isinstance(error, OverreadError):
        lines = str(error).splitlines() or [""]
        error = EngineError(f"failed with {type(error).__name__}: {lines[0][:200]}", where=where)
    return error.as_json()
