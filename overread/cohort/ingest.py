"""Sources to cohort: list, read every input, label, divide, write, publish; each step can be interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from overread.cohort.assemble import assemble, check_leaks
from overread.cohort.candidates import Candidate, Listing, image_ids, readable
from overread.cohort.cohort import CARD, DUPLICATES, IMAGES, REJECTS, Cohort
from overread.cohort.describe import card_of
from overread.cohort.ingest_key import KEY_FILE, key_of, key_of_inputs
from overread.cohort.inputs import (
    INPUTS,
    join_inputs,
    read_before,
    states_of,
    to_keep,
)
from overread.cohort.labels import choose_labelling
from overread.cohort.layouts import list_source
from overread.cohort.publish import publish
from overread.cohort.read_stage import FILE_FIELD, ReadStage
from overread.cohort.remote import Refusals, RemoteSource, RenamingProgress, refuse, remote_source
from overread.cohort.schema import Split
from overread.cohort.settings import IngestSettings
from overread.cohort.write_images import write_images
from overread.engine import Engine, list_parts, write_atomically, write_table
from overread.engine.run_folder import RUN_FILE
from overread.engine.spark.hadoop import is_uri
from overread.errors import CohortError
from overread.progress import SILENT, Progress

WORK = ".work"
READ = "read"
UNPACKED = "unpacked"
RECORD = "record.json"
BEFORE = "before.parquet"


_LIST_SCHEMA = pa.schema([pa.field("image_id", pa.string()), FILE_FIELD])


def ingest(
    source: Path | str,
    out: Path,
    *,
    settings: IngestSettings,
    engine: Engine,
    retry: bool = False,
    listing: Listing | None = None,
    progress: Progress = SILENT,
) -> Cohort:
    """Make a cohort of a folder of images.

    Every input is read and decoded whole; what cannot be used stands in `rejects.parquet` with its reason,
    and `read + rejected = found`. The cohort depends on the source and the settings, not on the order of
    files, the number of workers or interruptions: the same call goes on where an interrupted one stopped,
    and returns at once where nothing has changed since. Files that have not changed are not read again.

    Args:
        source: A folder with one sub-folder a class, or with images beside a table, or in another layout; a
            table; or an archive of arrays. A text `scheme://…` names them in a file system that Hadoop knows:
            Spark brings the images to the cohort's folder, which its machines must share, and the cohort is
            the one that it would be of the same folder here.
        out: The cohort's folder; a cohort that stands there is replaced once the new one is whole.
        settings: How the source becomes a cohort.
        engine: Where files are read.
        retry: Read what was rejected once more, though its file did not change; images that are in the cohort
            keep their split.
        listing: Of the source with these settings, where it was listed a moment ago; None lists it.
        progress: Who listens.

    Raises:
        CohortError: The source cannot become a cohort: see `overread.cohort.labels` and `tables` for what may
            be wrong with labels and tables; or something stands on two sides of the split that
            `settings.accept_leakage` does not name.
        UsageError: A URI without Spark.
        EngineError: A worker process was ended, the disk is full, or a file system cannot be reached.
    """
    if isinstance(source, str) and is_uri(source):
        with remote_source(source, engine=engine, settings=settings) as remote:
            told = RenamingProgress(progress, remote)
            here = remote.complete(list_source(remote.source, out, settings=settings))
            job = _Job(remote.source, remote.root, Path(out), settings, engine, told, remote)
            return _ingest(job, here, retry=retry)
    source, out = Path(source), Path(out)
    root = source if source.is_dir() else source.parent
    _check_places(root, out)
    if not settings.embed and readable(str(source.absolute())) != str(source.absolute()):
        raise CohortError(
            "its path is no UTF-8, so a cohort cannot point into it",
            where=f"source '{readable(str(source))}'",
            todo="rename the folder, or embed the images",
        )
    job = _Job(source, root, out, settings, engine, progress)
    return _ingest(job, listing or list_source(source, out, settings=settings), retry=retry)


def _ingest(job: _Job, listing: Listing, *, retry: bool) -> Cohort:
    root, out, settings, progress = job.root, job.out, job.settings, job.progress
    for note in listing.notes:
        progress.note(note)
    opened = [one for one in listing.candidates if one.file is not None and one.reason is None]
    states = states_of(root, listing, opened)
    work = out / WORK
    key = key_of_inputs(root, listing, settings, states=states, called=job.called(root))
    before = _earlier(out) if retry else None
    if before is None and key_of(out) == key and (out / CARD).exists():
        try:
            cohort = Cohort.load(out)
        except CohortError as error:
            progress.note(f"the cohort is made again, since it is not whole: {error}")
        else:
            shutil.rmtree(work, ignore_errors=True)
            return cohort
    work_key = (
        key if before is None else hashlib.sha256(f"{key} {before.card.content_hash}".encode()).hexdigest()
    )
    if key_of(work) != work_key:
        _make_room(work, work_key)
    if not (work / CARD).exists():
        _build(job, listing, opened, states=states, key=key, before=before)
    publish(work, out, records={KEY_FILE: RECORD})
    cohort = Cohort.load(out)
    if cohort.card.rejected:
        progress.note(
            f"{cohort.card.rejected} of {cohort.card.found} inputs were rejected, see '{out / REJECTS}'"
        )
    return cohort


@dataclass(frozen=True)
class _Job:
    """What every step of one ingest knows."""

    source: Path
    root: Path
    out: Path
    settings: IngestSettings
    engine: Engine
    progress: Progress
    remote: RemoteSource | None = None

    def called(self, path: Path) -> str:
        """What a path is called where the source is known."""
        return self.remote.said(str(path)) if self.remote is not None else str(path)

    @property
    def where(self) -> str:
        return f"source '{self.source}'"

    @property
    def work(self) -> Path:
        return self.out / WORK


def _earlier(out: Path) -> Cohort:
    """The cohort whose rejects are read again."""
    cohort = Cohort.load(out)
    if key_of(out) is None:
        raise CohortError(
            "does not say what it was made from", where=str(out), todo="ingest the source again"
        )
    return cohort


def _check_places(source: Path, out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise CohortError("is a file, expected a folder", where=str(out), todo="name another folder")
    if out.resolve() == source.resolve() or out.resolve() in source.resolve().parents:
        raise CohortError(
            "the cohort would stand in or above its own source", where=str(out), todo="name another folder"
        )
    images = out / IMAGES
    parts = {path.name for path in list_parts(images)} | {RUN_FILE}
    if images.exists() and (not images.is_dir() or any(one.name not in parts for one in images.iterdir())):
        raise CohortError(
            "holds files that are no part of a cohort",
            where=str(images),
            todo="name another folder for the cohort",
        )


def _make_room(work: Path, key: str) -> None:
    """Begin anew: what an ingest of something else left is removed, but for what it knows of its inputs."""
    beside = work.with_name(work.name + "-" + BEFORE)
    try:
        for name in (BEFORE, INPUTS):
            if (work / name).exists():
                (work / name).replace(beside)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True, exist_ok=True)
        if beside.exists():
            beside.replace(work / BEFORE)
    except OSError as error:
        raise CohortError(
            f"could not be made: {error.strerror}",
            where=str(work),
            todo="name a folder that can be written to",
        ) from error
    write_atomically(work / KEY_FILE, (json.dumps({"key": key}) + "\n").encode())


def _build(
    job: _Job,
    listing: Listing,
    opened: Sequence[Candidate],
    *,
    states: Sequence[str],
    key: str,
    before: Cohort | None,
) -> None:
    """Make the whole cohort in the work folder; its card comes last."""
    work, settings = job.work, job.settings
    labels = [one.label for one in listing.candidates if one.reason is None and one.label is not None]
    labelling = choose_labelling(labels, settings, where=job.where, usual=listing.task)
    folder = job.root
    if listing.unpack is not None:
        folder = work / UNPACKED
        listing.unpack(folder, job.progress)
    refused: Refusals = {}
    if listing.unpack is None and job.remote is not None:
        names = [one.file for one in opened if one.file is not None]
        folder, refused = job.remote.fetch(names, work, key=key, progress=job.progress)
    known = _read(
        job, listing, opened, folder=folder, states=states, refused=refused, retry=before is not None
    )
    # Files that were unpacked go with the work folder: nothing can point at them.
    embed = settings.embed or listing.unpack is not None
    assembly = assemble(
        listing,
        opened,
        known,
        labelling=labelling,
        settings=settings,
        source=job.source,
        root=None if embed else job.root,
        kept=None if before is None else _splits_of(before),
        progress=job.progress,
    )
    check_leaks(assembly, settings, where=job.where)
    write_table(work / DUPLICATES, assembly.duplicates)
    try:
        write_images(
            assembly.rows,
            folder,
            work / IMAGES,
            embed=embed,
            mean_bytes=pc.mean(known["file_bytes"]).as_py() or 0.0,
            engine=job.engine,
            before=before,
            progress=job.progress,
        )
    except CohortError:
        shutil.rmtree(work / READ, ignore_errors=True)  # a file is not what was read: read it again next time
        (work / INPUTS).unlink(missing_ok=True)
        raise
    write_table(work / REJECTS, assembly.rejects)
    write_atomically(work / RECORD, (json.dumps(_said(job, key)) + "\n").encode())
    card = card_of(listing, assembly, source=job.source, settings=settings, embedded=embed)
    if job.remote is not None:
        card = card.model_copy(update={"source": job.remote.uri})
    write_atomically(work / CARD, card.to_json().encode())


def _read(
    job: _Job,
    listing: Listing,
    opened: Sequence[Candidate],
    *,
    folder: Path,
    states: Sequence[str],
    refused: Refusals,
    retry: bool,
) -> pa.Table:
    """What is known of every opened input: read now, or by the ingest before where the file is the same."""
    files = [one.file for one in listing.candidates if one.file is not None]
    of_file = dict(zip(files, image_ids(files), strict=True))
    ids = [of_file[one.file] for one in opened if one.file is not None]
    before = pa.concat_tables([read_before(job.out / INPUTS), read_before(job.work / BEFORE)])
    kept = to_keep(before, opened, states, retry=retry)
    if retry:
        again = sum(at is None for at in kept)
        job.progress.note(f"{again} of {len(kept)} inputs are read again")
    listed = pa.Table.from_pylist(
        [
            {"image_id": name, "file": os.fsencode(one.file or "")}
            for name, one, at in zip(ids, opened, kept, strict=True)
            if at is None
        ],
        schema=_LIST_SCHEMA,
    )
    fresh = ReadStage.schema.empty_table()
    if listed.num_rows:
        share = _share_of(listed.num_rows)
        write_table(job.work / "listed.parquet", listed, rows_per_group=share)
        # The parts of an interrupted reading are good as long as the work folder is.
        read = job.engine.run(
            ReadStage(folder),
            job.work / "listed.parquet",
            job.work / READ,
            key=key_of(job.work) or "",
            rows_per_part=share,
            label="reading images",
            progress=job.progress,
        )
        fresh = pa.concat_tables([pq.read_table(part) for part in list_parts(read)])
        fresh = refuse(fresh, refused, {name: file for file, name in of_file.items()})
    known = join_inputs(opened, ids, states, before=before, kept=kept, fresh=fresh)
    # Kept even if the cohort is refused in the end: with other settings, nothing is read twice.
    write_table(job.work / INPUTS, known)
    return known


def _share_of(rows: int) -> int:
    """Rows a part: few enough to share out and to lose at an interruption, but not one file an image."""
    return int(np.clip(rows // 32, 16, 1024))


def _splits_of(cohort: Cohort) -> dict[str, Split]:
    rows = cohort.table(["image_id", "split"])
    return dict(zip(rows["image_id"].to_pylist(), rows["split"].to_pylist(), strict=True))


def _said(job: _Job, key: str) -> dict[str, Any]:
    """What `ingest.json` keeps: enough to make the same call again."""
    said = job.settings.model_dump(mode="json")
    if job.settings.table is not None:
        said["table"] = str(job.settings.table.absolute())
    return {"key": key, "source": job.called(job.source.absolute()), "settings": said}
