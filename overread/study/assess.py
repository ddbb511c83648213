"""A bundle reads a split and is evaluated: the second step that `overread run` is made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from overread.bundle import Bundle, attach, model_card, predict
from overread.bundle.read import NETWORK_NAME
from overread.cohort import IMAGE_SCHEMA, Cohort
from overread.engine import COPY, Engine, atomically, write_atomically
from overread.errors import BundleError, UsageError
from overread.evaluation import (
    CohortFlow,
    Evaluation,
    Mistake,
    evaluate_readings,
    render_report,
    worst_cases,
)
from overread.evaluation.asked import ASKED, Asked
from overread.progress import SILENT, Progress
from overread.study.record import HISTORY, TrainingRecord

_UNTOLD = "The reader was told nothing beside the images, though it asks for patient information."


def evaluate(
    bundle: Path,
    cohort: Cohort,
    out: Path,
    *,
    split: str = "test",
    resamples: int = 2000,
    seed: int = 0,
    asked: Asked = ASKED,
    without_metadata: bool = False,
    engine: Engine | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Read one split with a bundle and say how far the reader can be trusted.

    Writes `readings.parquet`, `rejects`, `evaluation.json` and `report.html` into `out`. That a reader saw
    `test` is written down in the cohort, and the report says how many readers did.

    Args:
        bundle: The bundle's folder or zip.
        cohort: With the reference standard.
        out: Folder for what is written.
        split: Usually "test".
        resamples: Of the patient-clustered bootstrap.
        seed: Of the bootstrap.
        asked: Where the reader is looked at more closely.
        without_metadata: Tell the reader nothing beside the images, as whoever leaves the fields empty does.
        engine: Where images are read; None: all cores of this machine.
        progress: Who listens.

    Raises:
        UsageError: The bundle and the cohort have different classes, or the split is empty.
        BundleError: The bundle cannot be read.
    """
    opened = Bundle.load(bundle)
    manifest = opened.manifest
    if manifest.classes != cohort.classes or manifest.task != cohort.task:
        raise UsageError(
            f"the bundle reads {manifest.task} {list(manifest.classes)}, "
            f"the cohort holds {cohort.task} {list(cohort.classes)}",
            where=f"cohort '{cohort.card.name}'",
            todo="ingest the cohort with the bundle's task, classes and positive",
        )
    if without_metadata and not manifest.metadata:
        raise UsageError(
            "the bundle reads images alone", where=f"bundle '{bundle}'", todo="leave out --without-metadata"
        )
    known_fields = () if without_metadata else manifest.metadata
    fields = [field.name for field in known_fields if field.name in IMAGE_SCHEMA.names]
    images = _write_split(cohort, out / ".split.parquet", split=split, asked=fields)
    summary = predict(bundle, [images], out / "readings.parquet", engine=engine, progress=progress)
    images.unlink()
    reads = _test_reads(cohort, opened) if split == "test" else None
    record = _record_of(opened)
    readings, reference = pq.read_table(summary.readings), cohort.table(copies=False)
    evaluation = evaluate_readings(
        readings,
        reference,
        manifest=manifest,
        split=split,
        resamples=resamples,
        seed=seed,
        history=record.history,
        notes=(*record.notes, *([_UNTOLD] if without_metadata else [])),
        asked=asked,
        calibration_losses=record.calibration,
        conformal=record.conformal,
        learning=record.learning,
        cohort=CohortFlow.from_card(cohort.card),
        test_reads=reads,
    )
    cases = worst_cases(readings, reference, manifest=manifest, split=split)
    contents = cohort.images_of([case.image_id for case in cases])
    known = {row["image_id"]: row for row in reference.select(["image_id", *fields]).to_pylist()}
    told = [{name: known[case.image_id][name] for name in fields} for case in cases]
    read_again = opened.read([contents[case.image_id] for case in cases], told)
    mistakes = [
        Mistake(case, contents[case.image_id], reading.saliency[case.class_index])
        for case, reading in zip(cases, read_again, strict=True)
    ]
    evaluation.save(out / "evaluation.json")
    report = render_report(evaluation, manifest=manifest, mistakes=mistakes)
    write_atomically(out / "report.html", report.encode())
    return evaluation


def seal_evaluation(bundle: Path, out: Path, evaluation: Evaluation) -> None:
    """Put the evaluation of `out`, its report and the card that quotes it into the bundle."""
    opened = Bundle.load(bundle)
    metrics = {name: figure.model_dump() for name, figure in evaluation.overall.items()}
    card = model_card(
        opened.manifest,
        metrics=metrics,
        measured_on=f"the {evaluation.split} split",
        notes=_record_of(opened).notes,
    )
    attach(
        bundle,
        {
            "MODEL_CARD.md": card.encode(),
            "evaluation.json": (out / "evaluation.json").read_bytes(),
            "report.html": (out / "report.html").read_bytes(),
        },
    )


def _write_split(cohort: Cohort, path: Path, *, split: str, asked: Sequence[str]) -> Path:
    """One split as a table to predict on, part by part so that memory stays bounded; with what is asked.

    Copies of an augmented cohort stay behind: no figure is theirs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    chosen = ["split", *([COPY] if cohort.card.augmented is not None else [])]
    columns = ["image_id", "uri", "content", *chosen, *asked]
    rows = 0
    with atomically(path) as stream:
        writer = None
        for part in cohort.parts:
            table = pq.read_table(part, columns=columns)
            table = table.filter(pc.equal(table["split"], split))
            if COPY in chosen:
                table = table.filter(pc.equal(table[COPY], 0))
            table = table.drop_columns(chosen)
            writer = writer or pq.ParquetWriter(stream, table.schema)
            writer.write_table(table, row_group_size=64)
            rows += len(table)
        if writer is not None:
            writer.close()
    if not rows:
        raise UsageError(
            f"split '{split}' has no image", where=f"cohort '{cohort.card.name}'", todo="choose another split"
        )
    return path


def _test_reads(cohort: Cohort, bundle: Bundle) -> int:
    """How many readers have been evaluated on `test`, this one included.

    The same network reading it again, as after an interruption, learns nothing new and does not count.
    """
    purpose = f"evaluation of network {bundle.manifest.files[NETWORK_NAME]}"
    before = [read.get("purpose") for read in cohort.test_reads()]
    if purpose in before:
        return before.index(purpose) + 1
    return cohort.record_test_read(bundle.manifest.label, purpose=purpose)


def _record_of(bundle: Bundle) -> TrainingRecord:
    try:
        return TrainingRecord.model_validate_json(bundle.file(HISTORY))
    except BundleError:  # a bundle that somebody packed without our training
        return TrainingRecord()
