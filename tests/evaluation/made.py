"""Made readings, references and manifests for the tests of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from overread.bundle.manifest import Manifest, OperatingPoint, Provenance, TriageRule
from overread.bundle.triage import decide
from overread.imaging.preprocess import Preprocess

NOVELTY_LIMIT = 10.0


def make_manifest(
    task: str = "binary",
    classes: Sequence[str] = ("malignant",),
    *,
    urgent: Sequence[str] | None = None,
    threshold: float = 0.5,
    **fields: Any,
) -> Manifest:
    """A manifest whose operating points all have one threshold."""
    chosen = tuple(classes) if urgent is None and task != "multiclass" else tuple(urgent or ())
    names = ([""] if chosen else []) if task == "multiclass" else list(classes)
    points = tuple(
        OperatingPoint(name="given", class_name=name, threshold=threshold, rule="given") for name in names
    )
    return Manifest(
        name="made",
        version="1.0",
        task=task,
        classes=tuple(classes),
        preprocess=Preprocess(size=32),
        operating_points=points,
        triage=TriageRule(urgent=chosen, novelty_threshold=NOVELTY_LIMIT),
        provenance=fields.pop("provenance", Provenance()),
        files={},
        **fields,
    )


def make_tables(
    labels: Any,
    scores: Any,
    *,
    manifest: Manifest,
    patients: Sequence[str] | None = None,
    novelty: Sequence[float] | None = None,
    split: str = "test",
) -> tuple[pa.Table, pa.Table]:
    """Readings and reference of these labels and scores, [n] or [n, classes]; image ids img-000, …"""
    truth = np.asarray(labels, float).reshape(len(labels), -1)
    values = np.asarray(scores, np.float32).reshape(len(scores), -1)
    n = len(truth)
    ids = [f"img-{k:03d}" for k in range(n)]
    far = np.zeros(n) if novelty is None else np.asarray(novelty, float)
    readings = pa.table(
        {
            "image_id": ids,
            "score": pa.array([row.tolist() for row in values], pa.list_(pa.float32())),
            "decision": [decide(row, far[k], manifest=manifest) for k, row in enumerate(values)],
            "bundle": [manifest.label] * n,
            "reject_reason": pa.array([None] * n, pa.string()),
        }
    )
    reference = pa.table(
        {
            "image_id": ids,
            "patient_id": list(patients) if patients is not None else ids,
            "target": pa.array([row.tolist() for row in truth], pa.list_(pa.float32())),
            "split": [split] * n,
        }
    )
    return readings, reference


def make_scores(rng: np.random.Generator, labels: np.ndarray, *, shift: float = 1.5) -> np.ndarray:
    """Scores 0..1 that are higher for positives, with overlap."""
    z = rng.normal(size=labels.shape) + shift * np.nan_to_num(labels) - shift / 2
    return 1 / (1 + np.exp(-z))


def with_rejects(readings: pa.Table, reasons: dict[str, str]) -> pa.Table:
    """The readings with some images rejected: image_id → reason."""
    rows = readings.to_pylist()
    for row in rows:
        if row["image_id"] in reasons:
            row |= {"score": None, "decision": None, "reject_reason": reasons[row["image_id"]]}
    return pa.Table.from_pylist(rows, schema=readings.schema)
