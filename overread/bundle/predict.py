"""Read many images with a bundle into one table, for people and for programs."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from overread import __version__
from overread.bundle.inputs import INPUT_COLUMNS, list_inputs
from overread.bundle.manifest import Manifest
from overread.bundle.metadata_table import MetadataTable
from overread.bundle.predict_stage import READING_SCHEMA, PredictStage
from overread.bundle.read import Bundle
from overread.bundle.remote_inputs import is_list_of_uris, list_remote
from overread.bundle.triage import DECISIONS, Decision
from overread.engine import REJECT_DETAIL, REJECT_REASON, Engine, LocalEngine, atomically, list_parts
from overread.engine.parts import write_part
from overread.engine.spark import SparkEngine
from overread.engine.spark.frame_reader import RemoteImages
from overread.engine.spark.frame_run import run_remote
from overread.engine.spark.hadoop import is_uri
from overread.errors import EngineError, UsageError
from overread.progress import SILENT, Progress

_READ_COLUMNS = [name for name in READING_SCHEMA.names if name not in {REJECT_REASON, REJECT_DETAIL}]
_READ_SCHEMA = pa.schema([READING_SCHEMA.field(name) for name in _READ_COLUMNS])
_REJECT_SCHEMA = pa.schema([(name, pa.string()) for name in ("image_id", "uri", "reason", "detail")])
# A cell that a spreadsheet would take for a formula; a plain number is none.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


@dataclass(frozen=True)
class PredictSummary:
    """What came of reading: found = read + rejected.

    Args:
        bundle: name@version.
        found: Images that were given.
        read: Images with a reading.
        rejected: Images without, each with its reason in `rejects`.
        decisions: How many readings came to each decision.
        readings: The table of readings.
        rejects: The table of rejects; written even if there are none.
        without_metadata: Readings of images of which nothing was known that the bundle asks for.
    """

    bundle: str
    found: int
    read: int
    rejected: int
    decisions: dict[Decision, int]
    readings: Path
    rejects: Path
    without_metadata: int = 0


def predict(
    bundle: Path,
    inputs: Sequence[Path | str],
    out: Path,
    *,
    small: bool = False,
    metadata: Path | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
) -> PredictSummary:
    """Read images with a bundle.

    Interrupted at any moment, the same call goes on where it stopped and ends with the same bytes;
    until then `out` stays as it was. Rows come in the order of the inputs (`list_inputs`), whatever the
    number of workers.

    Args:
        bundle: The bundle's folder or zip.
        inputs: Files, folders, cohorts, Parquet. A text `scheme://…` names them in a file system that Hadoop
            knows, as does a Parquet file with `uri` of that kind and no `content`: Spark reads these, in
            waves whose readings come to this machine, and they stand behind the others.
        out: FILE.parquet (scores as a list) or FILE.csv (one column `score.<class>` each). In CSV a text
            that a spreadsheet would run as a formula gets an apostrophe in front; Parquet is exact. The
            rejects go to FILE.rejects.parquet.
        small: Read with network.small.onnx; readings then name the bundle as `name@version+small`.
        metadata: CSV, TSV, Excel or Parquet with what the bundle asks for beside the images, a row an image
            (`overread.bundle.metadata_table`); cohorts and Parquet bring their own. What is not there is
            not known.
        engine: Where to run; None for all cores of this machine.
        progress: Who listens.

    Raises:
        UsageError: `out` has another ending, an input does not exist or holds no image, a URI is to be read
            without Spark, or the metadata do not fit the bundle or the images.
        BundleError: The bundle cannot be read.
        EngineError: The work could not be done to its end.
    """
    if out.suffix.lower() not in {".csv", ".parquet"} or out.is_dir():
        raise UsageError(
            "expected a file that ends with .csv or .parquet", where=f"'{out}'", todo="rename it"
        )
    opened = Bundle.load(bundle, small=small)
    fields = opened.manifest.metadata
    if metadata is not None and not fields:
        raise UsageError(
            f"'{opened.label}' reads images alone", where=f"table '{metadata}'", todo="leave it out"
        )
    stage = PredictStage(bundle, digest=opened.digest, small=small)
    key = f"predict {opened.digest}{' small' * small} {__version__}"
    out.parent.mkdir(parents=True, exist_ok=True)
    work = out.with_name(f".{out.name}.work")
    here, remote = _divided(inputs)
    spark = engine if isinstance(engine, SparkEngine) else None
    if remote and spark is None:
        raise UsageError(
            "only Spark reaches this file system",
            where=f"'{remote[0]}'",
            todo="write --engine spark, or copy the images to this machine",
        )
    known = MetadataTable(metadata, fields) if metadata is not None else None
    listed: Path | None = None
    away: RemoteImages | None = None
    ids: list[str] = []
    if here or not remote:
        listed = list_inputs(here, work / "inputs", fields=fields, metadata=known, progress=progress)
        ids = _image_ids(listed)
    if spark is not None and remote:
        away = list_remote(spark.session, remote, taken=ids, fields=fields, known=known, progress=progress)
    if known is not None:
        known.check_used(progress)
    parts: list[Path] = []
    if listed is not None:
        made = (engine or LocalEngine()).run(
            stage,
            listed,
            work / "parts",
            key=key,
            columns=[*INPUT_COLUMNS, *(field.name for field in fields)],
            label="reading images",
            progress=progress,
        )
        parts += list_parts(made)
    if spark is not None and away is not None:
        remote_parts = work / "remote"
        run_remote(
            spark.session, stage, away, remote_parts, key=key, label="reading images", progress=progress
        )
        parts += list_parts(remote_parts)
    summary = _publish(parts, out, work=work, manifest=opened.manifest)
    found = len(ids) + (away.rows.num_rows if away is not None else 0)
    if found != summary.found:
        raise EngineError(
            f"found {found} images and accounted for {summary.found}", where=f"'{out}'", todo="report this"
        )
    shutil.rmtree(work)
    return summary


def _divided(inputs: Sequence[Path | str]) -> tuple[list[Path], list[Path | str]]:
    """What lies on this machine, and what Hadoop is asked for."""
    here: list[Path] = []
    remote: list[Path | str] = []
    for one in inputs:
        if isinstance(one, str) and is_uri(one):
            remote.append(one)
        elif Path(one).suffix.lower() == ".parquet" and is_list_of_uris(Path(one)):
            remote.append(Path(one))
        else:
            here.append(Path(one))
    return here, remote


def _image_ids(listed: Path) -> list[str]:
    return [
        name
        for part in list_parts(listed)
        for name in pq.read_table(part, columns=["image_id"])["image_id"].to_pylist()
    ]


def _publish(parts: list[Path], out: Path, *, work: Path, manifest: Manifest) -> PredictSummary:
    """Make both tables in the work folder, where a crash leaves no litter, and move them into place."""
    rejects = out.with_name(f"{out.stem}.rejects.parquet")
    made, made_rejects = work / f"readings{out.suffix.lower()}", work / "rejects.parquet"
    rejected = write_part(made_rejects, _rejected(parts), schema=_REJECT_SCHEMA)
    decisions = dict.fromkeys(DECISIONS, 0)
    asked = ", ".join(field.name for field in manifest.metadata)
    missing = (batch.column("metadata_missing").to_pylist() for batch in _batches(parts))
    without = sum(names.count(asked) for names in missing) if asked else 0
    batches = _counted(parts, decisions)
    if made.suffix == ".parquet":
        read = write_part(made, batches, schema=_READ_SCHEMA)
    else:
        with atomically(made) as stream:
            read = _write_csv(stream, batches, classes=manifest.classes)
    # The rejects first: where there are readings, what is missing from them is known too.
    made_rejects.replace(rejects)
    made.replace(out)
    return PredictSummary(manifest.label, read + rejected, read, rejected, decisions, out, rejects, without)


def _batches(parts: list[Path]) -> Iterator[pa.RecordBatch]:
    for part in parts:
        yield from pq.read_table(part, schema=READING_SCHEMA).to_batches()


def _rejected(parts: list[Path]) -> Iterator[pa.RecordBatch]:
    for batch in _batches(parts):
        chosen = batch.filter(pc.is_valid(batch.column(REJECT_REASON)))
        if chosen.num_rows:
            names = ("image_id", "uri", REJECT_REASON, REJECT_DETAIL)
            columns = [chosen.column(name) for name in names]
            yield pa.RecordBatch.from_arrays(columns, schema=_REJECT_SCHEMA)


def _counted(parts: list[Path], decisions: dict[Decision, int]) -> Iterator[pa.RecordBatch]:
    for batch in _batches(parts):
        chosen = batch.filter(pc.is_null(batch.column(REJECT_REASON))).select(_READ_COLUMNS)
        if chosen.num_rows:
            for decision in chosen.column("decision").to_pylist():
                decisions[decision] += 1
            yield chosen


def _write_csv(stream: BinaryIO, batches: Iterator[pa.RecordBatch], *, classes: Sequence[str]) -> int:
    rows = 0
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    scores = [f"score.{name}" for name in classes]
    writer.writerow(
        [name for column in _READ_COLUMNS for name in (scores if column == "score" else [column])]
    )
    for batch in batches:
        columns = {name: batch.column(name) for name in _READ_COLUMNS}
        values = {name: column.to_pylist() for name, column in columns.items()}
        for row in range(batch.num_rows):
            cells: list[str] = []
            for name in _READ_COLUMNS:
                value = values[name][row]
                cells += [_digits(score) for score in value] if name == "score" else [_text(value)]
            writer.writerow(cells)
        rows += batch.num_rows
    text.flush()
    text.detach()
    return rows


def _text(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return _digits(value)
    risky = _FORMULA.match(value) and not _NUMBER.fullmatch(value)
    return f"'{value}" if risky else value


def _digits(value: float) -> str:
    # Nine digits give every float32 back exactly.
    return format(value, ".9g")
