"""Folders of finished runs, made by hand: nothing is trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from overread.bundle import Provenance
from overread.cohort import Cohort, IngestSettings, SplitShares, ingest
from overread.engine import LocalEngine
from overread.evaluation import evaluate_readings
from tests.evaluation.made import make_manifest, make_scores, make_tables
from tests.training.made import write_images

LABELS = np.tile([0.0, 1.0], 40)


def make_cohort(folder: Path, *, seed: int = 0) -> Cohort:
    """A cohort that only points at its images."""
    settings = IngestSettings(
        positive="malignant", split=SplitShares(train=0.2, tune=0.2, test=0.6), embed=False, seed=seed
    )
    return ingest(folder / "source", folder / f"cohort {seed}", settings=settings, engine=LocalEngine(1))


def make_run(path: Path, cohort: Cohort, *, seed: int, shift: float = 2.0) -> Path:
    """What `overread run` leaves: readings, evaluation.json and the cohort."""
    test = cohort.table(["image_id", "target"], split="test").to_pydict()
    labels = np.array([target[0] for target in test["target"]])
    manifest = make_manifest(provenance=Provenance(cohort_hash=cohort.card.content_hash))
    scores = make_scores(np.random.default_rng(seed), labels, shift=shift)
    readings, _ = make_tables(labels, scores, manifest=manifest)
    readings = readings.set_column(0, "image_id", [test["image_id"]])
    path.mkdir(parents=True)
    pq.write_table(readings, path / "readings.parquet")
    evaluate_readings(readings, cohort.table(), manifest=manifest, resamples=100).save(
        path / "evaluation.json"
    )
    (path / "cohort").symlink_to(cohort.path)
    return path


def comparable_runs(folder: Path) -> Path:
    """runs/poor, runs/good and other/good on one cohort, runs/reseeded on another; their images are gone."""
    write_images(folder / "source", {"benign": 40, "malignant": 30})
    cohort = make_cohort(folder)
    make_run(folder / "runs" / "poor", cohort, seed=1, shift=0.5)
    make_run(folder / "runs" / "good", cohort, seed=2, shift=3.0)
    make_run(folder / "other" / "good", cohort, seed=3, shift=3.0)
    make_run(folder / "runs" / "reseeded", make_cohort(folder, seed=1), seed=1)
    shutil.rmtree(folder / "source")
    return folder


def make_listed(path: Path, *, shift: float, head: str = "linear") -> Path:
    manifest = make_manifest()
    scores = make_scores(np.random.default_rng(3), LABELS, shift=shift)
    found = evaluate_readings(
        *make_tables(LABELS, scores, manifest=manifest), manifest=manifest, resamples=100
    )
    path.mkdir(parents=True)
    found.save(path / "evaluation.json")
    settings = {"study": {"name": path.name, "seed": 0}, "reader": {"head": head}}
    (path / "run.json").write_text(json.dumps({"key": "k", "study": settings}))
    (path / "bundle").mkdir()
    (path / "bundle" / "bundle.json").write_text(
        json.dumps({"provenance": {"backbone": "resnet50", "seed": 0}})
    )
    found.save(path / "bundle" / "evaluation.json")
    return path


def listed_runs(folder: Path) -> Path:
    """poor, good and deeper/still/fair, with their settings and bundles."""
    make_listed(folder / "poor", shift=0.5)
    make_listed(folder / "good", shift=3.0, head="mlp")
    make_listed(folder / "deeper" / "still" / "fair", shift=1.5)
    (folder / "cohort" / "x").mkdir(parents=True)
    return folder
