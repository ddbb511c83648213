"""The folder of a run: which of its parts are there, which are missing, and whose run it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from overread.engine.atomic import remove_unfinished, unwritable, write_atomically
from overread.engine.parts import is_finished, is_marked, list_parts, part_name
from overread.engine.slices import Plan, Slice, plan_slices, source_files
from overread.engine.stage import Stage, expands
from overread.engine.worker import Job
from overread.errors import EngineError, UsageError

RUN_FILE = "run.json"
_FORMAT = 1


@dataclass(frozen=True)
class Run:
    """A run that has begun.

    Attributes:
        job: What is the same for all of its slices.
        missing: The slices whose part is still to be made.
        rows: Rows of the source.
        record: What `run.json` says.
    """

    job: Job
    missing: list[Slice]
    rows: int
    record: dict[str, object]

    def end(self) -> None:
        """Write down that the run is whole."""
        _write_record(self.job.out, {**self.record, "complete": True})


def begin_run(
    stage: Stage,
    source: Path | Sequence[Path],
    out: Path,
    *,
    key: str,
    columns: Sequence[str] | None,
    rows_per_part: int,
) -> Run:
    """Cut the source into slices, keep the parts of an earlier call and remove those of another run.

    What a run is does not depend on the engine: one goes on where another was stopped. The arguments and
    errors are those of `Engine.run`.
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
    record: dict[str, object] = {"key": key, "source": plan.identity, "rows_per_part": rows_per_part}
    record |= {"parts": len(plan.slices), "rows": plan.rows}
    if missing:
        _write_record(out, {**record, "complete": False})
    return Run(job, missing, plan.rows, record)


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
