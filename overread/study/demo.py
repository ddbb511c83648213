"""The whole loop on generated skin lesions: what a newcomer runs first, offline and without weights."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overread.bundle import predict
from overread.imaging.phantoms import generate_others, generate_skin
from overread.progress import SILENT, Progress
from overread.study.run import RunResult, run_study
from overread.study.settings import EngineTable, Study, check_study

PATIENTS = 200
UNSEEN_PATIENTS = 40
SEED = 0
STUDY: dict[str, Any] = {
    "study": {"name": "demo", "seed": SEED},
    "cohort": {"source": "phantoms", "positive": "malignant", "licence": "generated, no patient"},
    # Random weights: nothing is fetched. Small, since two minutes are all that a demo may take.
    "reader": {
        "backbone": "resnet10t",
        "weights": "none",
        "image_size": 97,
        "fine_tune": {"epochs": 2, "batch_size": 32, "ensemble": 1},
    },
    "bundle": {
        "modality": "dermoscopy phantom",
        "intended_use": "A demonstration on generated pictures. Never for patients.",
        "limits": ["Trained on drawings: it knows nothing of real skin."],
    },
}


@dataclass(frozen=True)
class DemoResult:
    """What the demo made.

    Attributes:
        run: Report, bundle, evaluation and readings of the test split.
        readings: Readings of lesions that it never saw and of images that are no lesions, CSV.
        lesions: How many unseen lesions were read.
        assessed: The share of them that was not cannot-assess, 0..1.
        strangers: The decision on each image that is no lesion.
    """

    run: RunResult
    readings: Path
    lesions: int
    assessed: float
    strangers: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            **self.run.as_json(),
            "readings": str(self.readings),
            "test_readings": str(self.run.readings),
            "lesions": self.lesions,
            "assessed": self.assessed,
            "strangers": self.strangers,
        }


def run_demo(out: Path, *, engine: EngineTable | None = None, progress: Progress = SILENT) -> DemoResult:
    """Draw phantoms, run a study on them, and read unseen phantoms and strangers with its bundle.

    Args:
        out: Folder for everything; the same call again does only what is missing.
        engine: Where images are read; None: on all cores of this machine.
        progress: Who listens.
    """
    out.mkdir(parents=True, exist_ok=True)
    generate_skin(out / "phantoms", patients=PATIENTS, seed=SEED, progress=progress)
    generate_skin(out / "unseen", patients=UNSEEN_PATIENTS, seed=SEED + 1, progress=progress)
    generate_others(out / "strangers")
    study = Study(check_study(STUDY, where="the demo's study"), out)
    readings = out / "readings.csv"
    with (engine or EngineTable()).opened(progress=progress) as running:
        done = run_study(study, out, engine=running, progress=progress)
        predict(done.bundle, [out / "unseen", out / "strangers"], readings, engine=running, progress=progress)
    with readings.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    strangers = {
        Path(row["uri"]).stem: row["decision"] for row in rows if Path(row["uri"]).parent.name == "strangers"
    }
    unseen = [row["decision"] for row in rows if Path(row["uri"]).parent.name != "strangers"]
    return DemoResult(
        run=done,
        readings=readings,
        lesions=len(unseen),
        assessed=sum(decision != "cannot-assess" for decision in unseen) / len(unseen),
        strangers=strangers,
    )
