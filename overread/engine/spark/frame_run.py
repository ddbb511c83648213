"""Images that only a Hadoop file system holds, read in waves; the driver makes parts of what comes back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from overread.engine.atomic import remove_unfinished, unwritable, write_atomically
from overread.engine.parts import is_finished, is_marked, list_parts, part_name, write_part
from overread.engine.run_folder import RUN_FILE
from overread.engine.spark.frame_reader import RemoteImages, RemoteReader, seeing_all
from overread.engine.spark.frame_waves import cut_parts, group_waves
from overread.engine.stage import REJECT_DETAIL, REJECT_REASON, Stage, expands, stage_name
from overread.errors import EngineError
from overread.imaging.limits import DecodeLimits
from overread.progress import SILENT, Progress, Task

_LIMITS = DecodeLimits()

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run_remote(
    session: SparkSession,
    stage: Stage,
    images: RemoteImages,
    out: Path,
    *,
    key: str,
    limits: DecodeLimits = _LIMITS,
    label: str = "running",
    progress: Progress = SILENT,
) -> Path:
    """Run a stage over images that Spark reads; what an earlier, interrupted call has finished is kept.

    The bytes of images go from their file system to the workers; what the stage yields comes to the driver
    and is written there, in the order of the rows, in the same parts on every cluster. A file that the
    workers did not bring (gone, closed to them, empty, or named so that Spark passes it over) is asked
    for by the driver itself, and where that fails too it becomes a reject.

    Args:
        session: Of Spark.
        stage: What to run; it keeps `image_id`, and has columns for rejects.
        images: Over what.
        out: Folder on the driver's disk, for `part-00000.parquet`, … and `run.json`.
        key: Names what the stage computes.
        limits: Files beyond these are not read.
        label: For the progress bar.
        progress: Who listens; advances by rows.

    Raises:
        EngineError: Spark gave up, the stage broke its rule, or the disk is full. The same call again goes
            on where this one stopped.
        OverreadError: Whatever the stage raised of these.
    """
    names = set(stage.schema.names)
    if expands(stage) or not {"image_id", REJECT_REASON, REJECT_DETAIL} <= names:
        raise EngineError(
            "expected a row with image_id and the columns of rejects for each row",
            where=f"stage {stage_name(stage)}",
            todo="run it over a cohort",
        )
    parts = cut_parts(images.sizes, images.units)
    mark = _mark(stage, images, parts, key)
    missing = _prepare(out, parts, mark, key)
    with progress.task(label, images.rows.num_rows) as task:
        task.advance(images.rows.num_rows - sum(parts[at][1] - parts[at][0] for at in missing))
        if missing:
            with seeing_all(session):
                reader = RemoteReader(session, stage, images, limits)
                _read_missing(reader, parts, missing, out, mark=mark, task=task)
                if reader.alone:
                    progress.note(f"the driver read {reader.alone} files, which no worker could")
    remove_unfinished(out)
    _write_record(out, key, parts, complete=True)
    return out


def _read_missing(
    reader: RemoteReader,
    parts: list[tuple[int, int]],
    missing: list[int],
    out: Path,
    *,
    mark: str,
    task: Task,
) -> None:
    cores = reader.session.sparkContext.defaultParallelism
    try:
        for wave in group_waves(parts, reader.images.sizes, missing, cores=cores):
            rows = np.concatenate([np.arange(*parts[at]) for at in wave])
            made = reader.read(rows)
            start = 0
            for at in wave:
                count = parts[at][1] - parts[at][0]
                batches = made.slice(start, count).combine_chunks().to_batches()
                write_part(out / part_name(at), iter(batches), schema=reader.stage.schema, mark=mark)
                start += count
            task.advance(len(rows))
    finally:
        reader.close()


def _mark(stage: Stage, images: RemoteImages, parts: list[tuple[int, int]], key: str) -> str:
    """What a part belongs to: the same stage over the same images, cut in the same way."""
    schema = [[one.name, str(one.type)] for one in stage.schema]
    digest = hashlib.sha256(json.dumps([key, schema, parts]).encode())
    for name in images.rows.column_names:
        digest.update(f"\0{name}\0".encode())
        for value in images.rows[name].to_pylist():
            digest.update(repr(value).encode() + b"\0")
    return digest.hexdigest()


def _prepare(out: Path, parts: list[tuple[int, int]], mark: str, key: str) -> list[int]:
    """Make the folder ready; returns the numbers of the parts that are still to be made."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        remove_unfinished(out)
        missing = [
            at
            for at, (start, stop) in enumerate(parts)
            if not is_finished(out / part_name(at), mark=mark, rows=stop - start)
        ]
        kept = {part_name(at) for at in range(len(parts))} - {part_name(at) for at in missing}
        stale = [path for path in list_parts(out) if path.name not in kept]
        if not (out / RUN_FILE).exists() and not all(map(is_marked, stale)):
            raise EngineError(
                "holds Parquet parts that Overread did not write", where=str(out), todo="name another folder"
            )
        for path in stale:
            path.unlink()
    except OSError as error:
        raise unwritable(out, error) from error
    _write_record(out, key, parts, complete=not missing)
    return missing


def _write_record(out: Path, key: str, parts: list[tuple[int, int]], *, complete: bool) -> None:
    said = {"key": key, "parts": len(parts), "rows": parts[-1][1] if parts else 0, "complete": complete}
    write_atomically(out / RUN_FILE, (json.dumps(said, indent=2) + "\n").encode())
