"""A cohort becomes a bundle: the first step that `overread run` is made of."""

from __future__ import annotations

import datetime
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path, PurePath

import numpy as np

from overread import __version__
from overread.bundle import (
    Bundle,
    ManifestDraft,
    Provenance,
    attach,
    check_parity,
    model_card,
    pack,
)
from overread.bundle.metadata import made_values
from overread.bundle.selftest import selftest_images
from overread.cohort import Cohort
from overread.engine import Engine, LocalEngine
from overread.errors import UsageError
from overread.evaluation import calibration_notes
from overread.evaluation.calibration import check_kind
from overread.imaging import GraphRunner, decode, preprocess_graph
from overread.progress import SILENT, Progress
from overread.study.quality import quality_limits
from overread.study.record import HISTORY, TrainingRecord
from overread.study.rules import fit_rules
from overread.study.settings import BundleTable, EvaluationTable
from overread.study.shrink import small_network
from overread.training import ReaderSettings

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
    engine: Engine | None = None,
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
    check_kind(evaluation.calibration, task=cohort.task)
    trained = train_reader(
        cohort,
        work,
        settings=reader,
        engine=engine,
        seed=seed,
        base=base,
        learning_curve=evaluation.learning_curve,
        progress=progress,
    )
    held_out = trained.held_out
    rules = fit_rules(
        held_out, task=cohort.task, classes=cohort.classes, urgent=urgent, evaluation=evaluation, seed=seed
    )
    calibration = rules.calibrated.calibration
    network = BundledNetwork(
        trained.network,
        task=cohort.task,
        slope=calibration.slope,
        intercept=calibration.intercept,
        density=trained.density,
        knots=calibration.knots,
    )
    size = trained.preprocess.size
    preprocess, exported = preprocess_graph(trained.preprocess), export_reader(network, image_size=size)
    run = GraphRunner(preprocess)
    inputs = np.concatenate([run(decode(content)) for _, content in sorted(selftest_images().items())])
    check_parity(
        reference_answers(network),
        exported,
        inputs,
        metadata=made_values(trained.metadata, len(inputs)) if trained.metadata else None,
        scores=reference_scores(network),
        jumps=network.jumps,
    )
    notes = [
        *trained.notes,
        *calibration_notes(held_out.targets, classes=cohort.classes),
        *rules.notes,
    ]
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
        operating_points=rules.points,
        triage=rules.triage(urgent, novelty_threshold=trained.novelty_threshold),
        metadata=trained.metadata,
        quality=quality_limits(cohort, trained.preprocess, seed=seed, progress=progress),
        intended_use=bundle.intended_use,
        limits=(*bundle.limits, *notes, f"Calibration and threshold come from {held_out.described}."),
        provenance=_provenance(cohort, trained.facts, phases=trained.phases, seed=seed),
    )
    small = small_network(
        exported,
        draft=draft,
        preprocess=preprocess,
        cohort=cohort,
        wanted=bundle.small,
        seed=seed,
        work=work / "small",
        engine=engine,
        progress=progress,
    )
    draft = draft.model_copy(update={"small": small.described if small else None})
    pack(out, draft=draft, preprocess=preprocess, network=exported, small=small.network if small else None)
    record = TrainingRecord.model_validate(
        {
            "history": trained.history,
            "notes": notes,
            "facts": {**trained.facts, "calibration": rules.calibrated.reason},
            "calibration": rules.calibrated.log_loss,
            "conformal": rules.conformal,
            "learning": trained.learning,
        }
    )
    attach(
        out,
        {
            HISTORY: record.to_bytes(),
            "MODEL_CARD.md": model_card(draft, notes=notes).encode(),
        },
    )
    return Bundle.load(out)


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
    counts = cohort.card.without_copies.counts.get("train", {})
    ordinary = max(cohort.classes, key=lambda name: counts.get(name, 0))
    return tuple(name for name in cohort.classes if name != ordinary)


def _provenance(cohort: Cohort, facts: dict[str, str], *, phases: tuple[str, ...], seed: int) -> Provenance:
    return Provenance(
        cohort_hash=cohort.card.content_hash,
        split_counts={split: dict(counts) for split, counts in cohort.card.without_copies.counts.items()},
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
