"""A cohort becomes a bundle, and a bundle is evaluated: the two steps that `overread run` is made of."""

from __future__ import annotations

import datetime
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path, PurePath

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from overread import __version__
from overread.bundle import (
    Bundle,
    ManifestDraft,
    Provenance,
    TriageRule,
    attach,
    check_parity,
    model_card,
    pack,
    predict,
)
from overread.bundle.read import NETWORK_NAME
from overread.bundle.selftest import selftest_images
from overread.cohort import Cohort
from overread.engine import LocalEngine, atomically, write_atomically
from overread.errors import BundleError, UsageError
from overread.evaluation import (
    CohortFlow,
    Evaluation,
    Mistake,
    apply_calibration,
    calibration_notes,
    choose_operating_points,
    evaluate_readings,
    fit_calibration,
    render_report,
    worst_cases,
)
from overread.imaging import GraphRunner, decode, preprocess_graph
from overread.progress import SILENT, Progress
from overread.study.record import TrainingRecord
from overread.study.settings import BundleTable, EvaluationTable
from overread.training import ReaderSettings

HISTORY = "training.json"
LIBRARIES = ("numpy", "onnx", "onnxruntime", "pillow", "scikit-learn", "simplejpeg", "timm", "torch")


def train(
    cohort: Cohort,
    out: Path,
    *,
    reader: ReaderSettings | None = None,
    evaluation: EvaluationTable | None = None,
    bundle: BundleTable | None = None,
    name: str | None = None,
    seed: int = 0,
    engine: LocalEngine | None = None,
    work: Path | None = None,
    base: Path | None = None,
    progress: Progress = SILENT,
) -> Bundle:
    """Train a reader on a cohort's `train` and `tune`, calibrate it, and pack it; `test` is not read.

    Args:
        cohort: What to learn from.
        out: The bundle's folder.
        reader: How to train.
        evaluation: Which operating point to choose.
        bundle: What the bundle says of itself.
        name: Of the bundle; None: the cohort's.
        seed: Of everything random.
        engine: Where features are computed; None: all cores of this machine.
        work: Folder for features, checkpoints and TensorBoard; None: beside `out`. An interrupted training
            goes on from it.
        base: Folder to which relative paths of weights refer.
        progress: Who listens.

    Raises:
        BackboneError: The network or its weights cannot be had.
        TrainingError: The cohort does not allow this training.
        EvaluationError: It does not allow the operating point that is asked for.
        BundleError: The packed network does not do what the trained one does.
    """
    from overread.training import (
        BundledNetwork,
        export_reader,
        reference_answers,
        reference_scores,
        train_reader,
    )

    reader, evaluation, bundle = (
        reader or ReaderSettings(),
        evaluation or EvaluationTable(),
        bundle or BundleTable(),
    )
    work = work or out.with_name(f".{out.name}.work")
    engine = engine or LocalEngine()
    # Refused before hours of training, not after.
    urgent = urgent_classes(cohort, bundle)
    trained = train_reader(
        cohort, work, settings=reader, engine=engine, seed=seed, base=base, progress=progress
    )
    held_out = trained.held_out
    calibration = fit_calibration(held_out.logits, held_out.targets, task=cohort.task)
    scores = apply_calibration(held_out.logits, calibration, task=cohort.task)
    points = choose_operating_points(
        held_out.targets,
        scores,
        task=cohort.task,
        classes=cohort.classes,
        urgent=urgent,
        rule=evaluation.operating_point.rule,
        split=held_out.split,
    )
    network = BundledNetwork(
        trained.network,
        task=cohort.task,
        slope=calibration.slope,
        intercept=calibration.intercept,
        density=trained.density,
    )
    size = trained.preprocess.size
    preprocess, exported = preprocess_graph(trained.preprocess), export_reader(network, image_size=size)
    run = GraphRunner(preprocess)
    inputs = np.concatenate([run(decode(content)) for _, content in sorted(selftest_images().items())])
    check_parity(
        reference_answers(network), exported, inputs, scores=reference_scores(network), jumps=network.jumps
    )
    notes = [*trained.notes, *calibration_notes(held_out.targets, classes=cohort.classes)]
    notes += [f"Leakage that the study accepts: {leak.sentence}." for leak in cohort.card.leakage]
    draft = ManifestDraft(
        name=name or cohort.card.name,
        version=bundle.version,
        task=cohort.task,
        classes=cohort.classes,
        modality=bundle.modality,
        channels=3,
        preprocess=trained.preprocess,
        calibration=calibration,
        operating_points=points,
        triage=TriageRule(urgent=urgent, novelty_threshold=trained.novelty_threshold),
        intended_use=bundle.intended_use,
        limits=(*bundle.limits, *notes, f"Calibration and threshold come from {held_out.described}."),
        provenance=_provenance(cohort, trained.facts, phases=trained.phases, seed=seed),
    )
    pack(out, draft=draft, preprocess=preprocess, network=exported)
    record = TrainingRecord.model_validate(
        {"history": trained.history, "notes": notes, "facts": trained.facts}
    )
    attach(
        out,
        {
            HISTORY: record.to_bytes(),
            "MODEL_CARD.md": model_card(draft, notes=notes).encode(),
        },
    )
    return Bundle.load(out)


def evaluate(
    bundle: Path,
    cohort: Cohort,
    out: Path,
    *,
    split: str = "test",
    resamples: int = 2000,
    seed: int = 0,
    engine: LocalEngine | None = None,
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
    images = _write_split(cohort, out / ".split.parquet", split=split)
    summary = predict(bundle, [images], out / "readings.parquet", engine=engine, progress=progress)
    images.unlink()
    reads = _test_reads(cohort, opened) if split == "test" else None
    record = _record_of(opened)
    readings, reference = pq.read_table(summary.readings), cohort.table()
    evaluation = evaluate_readings(
        readings,
        reference,
        manifest=manifest,
        split=split,
        resamples=resamples,
        seed=seed,
        history=record.history,
        notes=record.notes,
        cohort=CohortFlow.from_card(cohort.card),
        test_reads=reads,
    )
    cases = worst_cases(readings, reference, manifest=manifest, split=split)
    contents = cohort.images_of([case.image_id for case in cases])
    mistakes = [
        Mistake(case, contents[case.image_id], reading.saliency[case.class_index])
        for case, reading in zip(cases, opened.read([contents[case.image_id] for case in cases]), strict=True)
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


def urgent_classes(cohort: Cohort, bundle: BundleTable) -> tuple[str, ...]:
    """The classes that need a physician: as the study says, else all findings.

    One class of a multiclass cohort is the ordinary one; unless the study says otherwise, that is the class
    with most images of `train`, and all others are urgent.
    """
    if bundle.urgent is not None:
        unknown = [name for name in bundle.urgent if name not in cohort.classes]
        if unknown:
            raise UsageError(
                f"'{unknown[0]}' is no class of the cohort",
                where="bundle.urgent",
                todo=f"choose among {', '.join(cohort.classes)}",
            )
        return bundle.urgent
    if cohort.task != "multiclass":
        return cohort.classes
    counts = cohort.card.counts.get("train", {})
    ordinary = max(cohort.classes, key=lambda name: counts.get(name, 0))
    return tuple(name for name in cohort.classes if name != ordinary)


def _write_split(cohort: Cohort, path: Path, *, split: str) -> Path:
    """The images of one split as a table to predict on, part by part so that memory stays bounded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = ["image_id", "uri", "content", "split"]
    rows = 0
    with atomically(path) as stream:
        writer = None
        for part in cohort.parts:
            table = pq.read_table(part, columns=columns)
            table = table.filter(pc.equal(table["split"], split)).drop_columns(["split"])
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


def _provenance(cohort: Cohort, facts: dict[str, str], *, phases: tuple[str, ...], seed: int) -> Provenance:
    return Provenance(
        cohort_hash=cohort.card.content_hash,
        split_counts={split: dict(counts) for split, counts in cohort.card.counts.items()},
        cohort=cohort.card.name,
        # A bundle travels: which folders its maker has is nobody's business.
        source=PurePath(cohort.card.source).name,
        licence=cohort.card.licence,
        patient_known=cohort.card.patient_known,
        versions={"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        seed=seed,
        git_commit=_git_commit(),
        weights=facts["weights"]
        + (f" (SHA-256 {facts['weights_sha256']})" if facts["weights_sha256"] else ""),
        backbone=facts["backbone"],
        phases=phases,
        overread_version=__version__,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def _git_commit() -> str:
    """The commit of this code, where it runs from a checkout; else ""."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
