"""A cohort's images put into parts; where images join a cohort, its parts stay as they are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from overread.cohort.cohort import Cohort
from overread.cohort.read_stage import EmbedStage
from overread.cohort.schema import IMAGE_SCHEMA
from overread.engine import Engine, LocalEngine, list_parts, write_table
from overread.engine.parts import part_name
from overread.engine.run_folder import RUN_FILE
from overread.progress import SILENT, Progress

PART_BYTES = 2**25
_JOINED, _ACCEPTED, _LINKED = "joined", "accepted.parquet", "linked"


def write_images(
    rows: pa.Table,
    folder: Path,
    images: Path,
    *,
    embed: bool,
    mean_bytes: float,
    engine: Engine,
    before: Cohort | None = None,
    progress: Progress = SILENT,
) -> None:
    """Write the images' table of a cohort.

    Args:
        rows: In `overread.cohort.assemble.ROW_SCHEMA`, sorted by image_id.
        folder: Where the rows' files lie.
        images: Folder for the parts; what an interrupted call left there is kept.
        embed: Whether the bytes of the files are taken in.
        mean_bytes: Of a file, to choose how many images a part holds.
        engine: Where files are copied: on one machine in this process, as copying waits for its one disk;
            on a cluster by all, as the driver's network is not the storage's.
        before: The cohort that these rows continue. Where all of its rows are among them, unchanged, its
            parts are kept and only the others are written.
        progress: Who listens.

    Raises:
        CohortError: A file is not what it was when it was read first.
        EngineError: The disk is full.
    """
    work = images.parent
    kept = [] if before is None or not _continues(rows, before) else before.parts
    if kept and before is not None:
        old = before.table(["image_id"])["image_id"]
        rows = rows.filter(pc.invert(pc.is_in(rows["image_id"], value_set=old.combine_chunks())))
    out = work / _JOINED if kept else images
    if rows.num_rows:
        share = int(np.clip(PART_BYTES / max(mean_bytes, 1.0), 64, 4096))
        write_table(work / _ACCEPTED, rows, rows_per_group=share)
        copier = LocalEngine(1) if isinstance(engine, LocalEngine) else engine
        # The key says nothing of times of change: equal sources give equal bytes.
        copier.run(
            EmbedStage(folder, embed=embed),
            work / _ACCEPTED,
            out,
            key="cohort",
            rows_per_part=share,
            label="writing the cohort",
            progress=progress,
        )
    if kept:
        _link([*kept, *(list_parts(out) if rows.num_rows else [])], work / _LINKED)
        shutil.rmtree(images, ignore_errors=True)
        (work / _LINKED).replace(images)
    (images / RUN_FILE).unlink(missing_ok=True)


def _continues(rows: pa.Table, before: Cohort) -> bool:
    """Whether every row of a cohort is among these, unchanged."""
    names = [name for name in IMAGE_SCHEMA.names if name != "content"]
    old = before.table(names).sort_by("image_id")
    ours = rows.filter(pc.is_in(rows["image_id"], value_set=old["image_id"].combine_chunks()))
    return bool(ours.select(names).sort_by("image_id").cast(old.schema).equals(old))


def _link(parts: list[Path], out: Path) -> None:
    """One folder of all these parts, in order, without copying them where the disk allows."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for at, part in enumerate(parts):
        try:
            os.link(part, out / part_name(at))
        except OSError:
            shutil.copyfile(part, out / part_name(at))
