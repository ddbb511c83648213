"""Sources to cohort: list, read every input, label, divide, write, publish; each step can be interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from dataclasses import astuple
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from overread import __version__
from overread.cohort.assemble import Assembly, assemble
from overread.cohort.candidates import Listing, image_ids, readable
from overread.cohort.card import CohortCard
from overread.cohort.cohort import CARD, IMAGES, REJECTS, Cohort, count_classes
from overread.cohort.labels import choose_labelling
from overread.cohort.listing import list_classes, list_files
from overread.cohort.read_stage import FILE_FIELD, EmbedStage, ReadStage
from overread.cohort.schema import SCHEMA_VERSION, SPLITS, Split, content_hash
from overread.cohort.settings import IngestSettings
from overread.cohort.table_layout import find_table, list_rows
from overread.cohort.tables import read_table
from overread.engine import LocalEngine, list_parts, remove_unfinished, write_atomically, write_table
from overread.engine.local import RUN_FILE
from overread.errors import CohortError
from overread.progress import SILENT, Progress

KEY_FILE = "ingest.json"
WORK = ".work"

_LIST_SCHEMA = pa.schema([pa.field("image_id", pa.string()), FILE_FIELD])


def ingest(
    source: Path, out: Path, *, settings: IngestSettings, engine: LocalEngine, progress: Progress = SILENT
) -> Cohort:
    """Make a cohort of a folder of images.

    Every input is read and decoded whole; what cannot be used stands in `rejects.parquet` with its reason,
    and `read + rejected = found`. The cohort depends on the source and the settings, not on the order of
    files, the number of workers or interruptions: the same call goes on where an interrupted one stopped,
    and returns at once where nothing has changed since.

    Args:
        source: A folder with one sub-folder a class, or with images beside a table.
        out: The cohort's folder; a cohort that stands there is replaced once the new one is whole.
        settings: How the source becomes a cohort.
        engine: Where files are read.
        progress: Who listens.

    Raises:
        CohortError: The source cannot become a cohort: see `overread.cohort.labels` and `tables` for what may
            be wrong with labels and tables; or a patient or a file's bytes stand in two given splits.
        EngineError: A worker process was ended, or the disk is full.
    """
    source, out = Path(source), Path(out)
    _check_places(source, out)
    if not settings.embed and readable(str(source.absolute())) != str(source.absolute()):
        raise CohortError(
            "its path is no UTF-8, so a cohort cannot point into it",
            where=f"source '{readable(str(source))}'",
            todo="rename the folder, or embed the images",
        )
    listing = list_source(source, out, settings=settings)
    for note in listing.notes:
        progress.note(note)
    work = out / WORK
    key = _key(source, listing, settings)
    if _key_of(out) == key and (out / CARD).exists():
        try:
            cohort = Cohort.load(out)
        except CohortError as error:
            progress.note(f"the cohort is made again, since it is not whole: {error}")
        else:
            shutil.rmtree(work, ignore_errors=True)
            return cohort
    if _key_of(work) != key:
        _make_room(work, key)
    if not (work / CARD).exists():
        _build(source, work, listing, key=key, settings=settings, engine=engine, progress=progress)
    _publish(work, out)
    cohort = Cohort.load(out)
    if cohort.card.rejected:
        progress.note(
            f"{cohort.card.rejected} of {cohort.card.found} inputs were rejected, see '{out / REJECTS}'"
        )
    return cohort


def list_source(source: Path, out: Path | None = None, *, settings: IngestSettings) -> Listing:
    """All inputs of a source with what the source says of them; no image is opened.

    Raises:
        CohortError: There is no input, or the table does not fit.
    """
    files = list_files(source, exclude=out)
    table = None
    if settings.table is not None:
        if settings.layout == "folder":
            raise CohortError(
                "the folder layout takes no table",
                where=f"table '{settings.table}'",
                todo='set layout = "table"',
            )
        table = read_table(settings.table)
    elif settings.layout != "folder":
        table = find_table(source, settings)
    if table is not None:
        listing = list_rows(files, table, source=source, settings=settings)
    elif settings.layout == "table" or settings.columns:
        raise CohortError(
            "no table with an image and a label column was found",
            where=f"source '{source}'",
            todo="say which with table = ... and columns = {...}",
        )
    elif settings.drop_missing:
        raise CohortError(
            f"drop_missing names {settings.drop_missing[0]!r}, but the source has no table",
            where=f"source '{source}'",
            todo="leave it out, or bring a table",
        )
    else:
        listing = list_classes(files)
    if not listing.candidates:
        raise CohortError(
            f"holds no image ({listing.ignored} other files)",
            where=f"source '{source}'",
            todo="name the folder that holds the images as JPEG, PNG or TIFF",
        )
    return listing


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


def _key(source: Path, listing: Listing, settings: IngestSettings) -> str:
    """Changes when a file, the table's meaning or a setting does."""
    said = settings.model_dump(mode="json", exclude={"table"})
    digest = hashlib.sha256(
        json.dumps([SCHEMA_VERSION, __version__, str(source), said], sort_keys=True).encode()
    )
    digest.update(f"{listing.ignored} {listing.repeated}".encode())
    for candidate in listing.candidates:
        digest.update(repr(astuple(candidate)).encode("utf-8", "backslashreplace"))
        if candidate.file is not None and candidate.reason is None:
            digest.update(_state_of(source / candidate.file).encode())
    return digest.hexdigest()


def _state_of(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"


def _key_of(folder: Path) -> str | None:
    try:
        said = json.loads((folder / KEY_FILE).read_text())
    except (OSError, ValueError):
        return None
    return said.get("key") if isinstance(said, dict) else None


def _make_room(work: Path, key: str) -> None:
    """Begin anew: what an ingest of something else left is removed."""
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CohortError(
            f"could not be made: {error.strerror}",
            where=str(work),
            todo="name a folder that can be written to",
        ) from error
    write_atomically(work / KEY_FILE, (json.dumps({"key": key}) + "\n").encode())


def _build(
    source: Path,
    work: Path,
    listing: Listing,
    *,
    key: str,
    settings: IngestSettings,
    engine: LocalEngine,
    progress: Progress,
) -> None:
    """Make the whole cohort in the work folder; its card comes last."""
    where = f"source '{source}'"
    labels = [one.label for one in listing.candidates if one.reason is None and one.label is not None]
    labelling = choose_labelling(labels, settings, where=where)
    open_ones = [one for one in listing.candidates if one.file is not None and one.reason is None]
    ids = dict(zip(_files(listing), image_ids(_files(listing)), strict=True))
    listed = pa.Table.from_pylist(
        [
            {"image_id": ids[one.file], "file": os.fsencode(one.file)}
            for one in open_ones
            if one.file is not None
        ],
        schema=_LIST_SCHEMA,
    )
    write_table(work / "listed.parquet", listed)
    read = engine.run(
        ReadStage(source),
        work / "listed.parquet",
        work / "read",
        key=key,
        label="reading images",
        progress=progress,
    )
    known = pa.concat_tables([pq.read_table(part) for part in list_parts(read)])
    assembly = assemble(listing, open_ones, known, labelling=labelling, settings=settings, source=source)
    write_table(work / "accepted.parquet", assembly.rows)
    try:
        # Copying waits for the disk, so it stays in this process. Its key is not the one above, which holds
        # times of change: equal sources should give equal bytes.
        LocalEngine(1).run(
            EmbedStage(source, embed=settings.embed),
            work / "accepted.parquet",
            work / IMAGES,
            key="cohort",
            label="writing the cohort",
            progress=progress,
        )
    except CohortError:
        shutil.rmtree(work / "read")  # a file is not what was read: read it again next time
        raise
    write_table(work / REJECTS, assembly.rejects)
    card = _card(listing, assembly, source=source, settings=settings)
    write_atomically(work / CARD, card.to_json().encode())


def _files(listing: Listing) -> list[str]:
    return [one.file for one in listing.candidates if one.file is not None]


def _card(listing: Listing, assembly: Assembly, *, source: Path, settings: IngestSettings) -> CohortCard:
    rows, labelling = assembly.rows, assembly.labelling
    counts: dict[Split, dict[str, int]] = {}
    split_counts: dict[Split, int] = {}
    for split in SPLITS:
        of_split = rows.filter(pc.equal(rows["split"], split))
        counts[split] = dict(count_classes(of_split, labelling.classes, labelling.negative))
        split_counts[split] = of_split.num_rows
    reasons = Counter(assembly.rejects["reason"].to_pylist())
    return CohortCard(
        name=settings.name or readable(source.resolve().name),
        task=labelling.task,
        classes=labelling.classes,
        negative=labelling.negative,
        source=readable(str(source)),
        licence=settings.licence,
        patient_known=assembly.patient_known,
        found=len(listing.candidates),
        read=rows.num_rows,
        rejected=assembly.rejects.num_rows,
        ignored=listing.ignored,
        repeated=listing.repeated,
        images=rows.num_rows,
        patients=len(set(rows["patient_id"].to_pylist())),
        identical=sum(count for count in Counter(rows["sha256"].to_pylist()).values() if count > 1),
        counts=counts,
        split_counts=split_counts,
        split_given=assembly.split_given,
        reject_reasons=dict(sorted(reasons.items())),
        seed=settings.seed,
        embedded=settings.embed,
        content_hash=content_hash(rows),
    )


def _publish(work: Path, out: Path) -> None:
    """Put the finished cohort in its place; the card goes last, so a cohort with a card is whole."""
    try:
        (out / CARD).unlink(missing_ok=True)
        if (work / IMAGES).exists():
            shutil.rmtree(out / IMAGES, ignore_errors=True)
            (work / IMAGES / RUN_FILE).unlink(missing_ok=True)
            (work / IMAGES).replace(out / IMAGES)
        if (work / REJECTS).exists():
            (work / REJECTS).replace(out / REJECTS)
        write_atomically(out / KEY_FILE, (work / KEY_FILE).read_bytes())
        (work / CARD).replace(out / CARD)
        shutil.rmtree(work)
        remove_unfinished(out)
    except OSError as error:
        raise CohortError(
            f"the cohort could not be put in its place: {error.strerror or error}",
            where=str(out),
            todo="run the same command again",
        ) from error
