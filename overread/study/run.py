"""`overread run`: everything that a study file says and that is not yet done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from overread import __version__
from overread.bundle import Bundle
from overread.cohort import Cohort
from overread.engine import Engine, write_atomically
from overread.errors import BundleError, EvaluationError, TrackingError
from overread.evaluation import Evaluation
from overread.progress import SILENT, Progress
from overread.study.assess import evaluate, seal_evaluation
from overread.study.build import train
from overread.study.cohort import cohort_of
from overread.study.settings import Study
from overread.study.tensorboard import has_events, write_curves

STATE = "run.json"


@dataclass(frozen=True)
class RunResult:
    """Where a run's results lie, and what they say in short.

    Attributes:
        report: The HTML report.
        bundle: The bundle's folder.
        readings: Readings of the test split, Parquet.
        evaluation: evaluation.json.
        cohort: The cohort's folder.
        tensorboard: Folder of TensorBoard's event files; None where they are gone.
        found: Inputs found; read + rejected.
        read: Inputs that became images.
        rejected: Inputs that did not.
        figures: The report's main figures, {name: {value, low, high}}.
        notes: Sentences that the report shows.
        tracking: Where the run is written down: uri, experiment, run_id, model; or error, why it is not; None
            where the study asks for nothing.
    """

    report: Path
    bundle: Path
    readings: Path
    evaluation: Path
    cohort: Path
    tensorboard: Path | None
    found: int
    read: int
    rejected: int
    figures: dict[str, dict[str, float | None]]
    notes: tuple[str, ...]
    tracking: dict[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """For `--json`: paths as text."""
        return {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()
        }


def run_study(
    study: Study, out: Path, *, engine: Engine | None = None, progress: Progress = SILENT
) -> RunResult:
    """Ingest, train, pack, evaluate: each step is skipped where its result is there and still fits.

    Args:
        study: What to do.
        out: Folder for everything; killed at any moment, the same call goes on and ends the same.
        engine: Where images are read, such as `SparkEngine(spark)` in a notebook; None: as the study says.
        progress: Who listens.

    Raises:
        OverreadError: One sentence for whatever is wrong; see the steps.
    """
    settings = study.settings
    if engine is None:
        # One for all steps: a session of Spark is begun once.
        with settings.engine.opened(progress=progress) as opened:
            return run_study(study, out, engine=opened, progress=progress)
    cohort = cohort_of(study, out, engine=engine, progress=progress)
    bundle = out / "bundle"
    key = _key(study, cohort)
    if not _done(out, key):
        write_atomically(out / STATE, b"{}\n")
        train(
            cohort,
            bundle,
            reader=settings.reader.model_copy(update={"weights": study.weights}),
            evaluation=settings.evaluation,
            bundle=settings.bundle,
            name=settings.study.name,
            seed=settings.study.seed,
            engine=engine,
            work=out / "work",
            progress=progress,
        )
        found = evaluate(
            bundle,
            cohort,
            out,
            resamples=settings.evaluation.resamples,
            asked=settings.evaluation.asked,
            seed=settings.study.seed,
            engine=engine,
            progress=progress,
        )
        seal_evaluation(bundle, out, found)
        state = {"key": key, "study": _said(study)}
        write_atomically(out / STATE, (json.dumps(state, indent=1) + "\n").encode())
        write_curves(out)
    return replace(_result(out, cohort), tracking=_track(study, out, key=key, progress=progress))


def _track(study: Study, out: Path, *, key: str, progress: Progress) -> dict[str, str] | None:
    """Where the run is written down; None where the study asks for nothing."""
    table = study.settings.tracking
    if table.uri == "none":
        return None
    from overread.study.tracking import track

    try:
        tracked = track(
            out, uri=table.uri, experiment=table.experiment, key=key, settings=_said(study), progress=progress
        )
    except TrackingError as error:
        # The run is done and stands; hours of work do not fail for a server that is down.
        progress.note(f"warning: {error}")
        return {"error": str(error)}
    return asdict(tracked)


def _said(study: Study) -> dict[str, Any]:
    """All keys of which the results depend."""
    # Where a run is written down, and what a search may try, change nothing of its results.
    return study.settings.model_dump(mode="json", exclude={"engine", "tracking", "tune"})


def _key(study: Study, cohort: Cohort) -> str:
    """All that the bundle and the report depend on."""
    said = _said(study)
    # Not their name alone: a file may be replaced by another.
    file = study.weights_file
    weights = hashlib.sha256(file.read_bytes()).hexdigest() if file is not None and file.is_file() else ""
    return hashlib.sha256(
        json.dumps([__version__, said, weights, cohort.card.content_hash], sort_keys=True).encode()
    ).hexdigest()


def _done(out: Path, key: str) -> bool:
    try:
        if json.loads((out / STATE).read_text("utf-8")).get("key") != key:
            return False
        Bundle.load(out / "bundle")
        Evaluation.load(out / "evaluation.json")
    except (OSError, ValueError, BundleError, EvaluationError):
        return False
    return all((out / name).is_file() for name in ("report.html", "readings.parquet"))


def _result(out: Path, cohort: Cohort) -> RunResult:
    evaluation = Evaluation.load(out / "evaluation.json")
    events = out / "work"
    return RunResult(
        report=out / "report.html",
        bundle=out / "bundle",
        readings=out / "readings.parquet",
        evaluation=out / "evaluation.json",
        cohort=out / "cohort",
        tensorboard=events if has_events(events) else None,
        found=cohort.card.found,
        read=cohort.card.read,
        rejected=cohort.card.rejected,
        figures=evaluation.summary(),
        notes=evaluation.notes,
    )
