"""What a task of Spark does: open the stage once a worker process, and turn slices into parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

import overread.errors
from overread.engine.parts import is_finished, part_name
from overread.engine.slices import Slice
from overread.engine.spark.payload import Payload
from overread.engine.worker import Job, run_slice
from overread.errors import EngineError, OverreadError

STOP_FILE = ".stop"
"""Stands in a run's folder once a slice could not become a part: nobody begins another one then."""
RESULT_TYPES = "at bigint, rows bigint, error string"
_RESULT = pa.schema([("at", pa.int64()), ("rows", pa.int64()), ("error", pa.string())])


class SliceTask:
    """Numbers of slices in, one row about each of them out.

    Args:
        carried: A broadcast of the stage's payload, the job and all slices.
    """

    def __init__(self, carried: Any) -> None:
        self._carried = carried

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Make the parts; a part that an earlier try of this task has finished is left alone."""
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        payload, job, slices = self._carried.value
        for batch in batches:
            for at in batch.column(0).to_pylist():
                if (job.out / STOP_FILE).exists():
                    return
                yield pa.RecordBatch.from_pylist([_make(payload, job, slices[at])], schema=_RESULT)


def _make(payload: Payload, job: Job, piece: Slice) -> dict[str, Any]:
    made: dict[str, Any] = {"at": piece.index, "rows": piece.rows, "error": None}
    try:
        if not job.out.is_dir():
            raise EngineError(
                "a machine of the cluster does not see this folder",
                where=str(job.out),
                todo="put source and output on a disk that all machines share",
            )
        if not is_finished(job.out / part_name(piece.index), mark=job.mark, rows=None):
            run_slice(payload.opened(), piece, job)
    except OverreadError as error:
        # An answer, not a failed task: Spark would try four times what cannot succeed.
        (job.out / STOP_FILE).touch() if job.out.is_dir() else None
        made["error"] = json.dumps([type(error).__name__, error.what, error.where, error.todo])
    return made


def error_of(said: str) -> OverreadError:
    """The error that a task told of."""
    name, what, where, todo = json.loads(said)
    kind = getattr(overread.errors, name, EngineError)
    if kind is overread.errors.DecodeError:
        kind = EngineError
    error: OverreadError = kind(what, where=where, todo=todo)
    return error
