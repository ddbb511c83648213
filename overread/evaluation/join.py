"""Readings beside their reference standard, as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overread.bundle.triage import DECISIONS
from overread.errors import EvaluationError
from overread.evaluation.results import Counts
from overread.evaluation.statistics import Array


class BundleNames(Protocol):
    """What a join must know of the bundle that read; a manifest knows it."""

    @property
    def label(self) -> str:
        """name@version."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What a score stands for, in order."""


@dataclass(frozen=True)
class JoinedReadings:
    """Every image of the split that was read and has a label, in the order of image_id.

    Attributes:
        image_id: [n].
        patient: [n], text; where the source states no patient, the lesion, study or series, else the image.
        labels: float64 [n, classes]; 1, 0, NaN not stated.
        scores: float64 [n, classes], 0..1.
        decisions: [n], text: urgent, routine, cannot-assess.
        counts: What became of all images of the split.
    """

    image_id: tuple[str, ...]
    patient: NDArray[np.str_]
    labels: Array
    scores: Array
    decisions: NDArray[np.str_]
    counts: Counts


def join_readings(
    readings: pa.Table, reference: pa.Table, *, manifest: BundleNames, split: str | None = "test"
) -> JoinedReadings:
    """Join readings with the reference by image_id.

    Args:
        readings: image_id, score (list<float>, one a class; null for a reject), decision; bundle and
            reject_reason where known.
        reference: image_id, target (list<float>, one a class, or null); split, patient_id and group_id where
            known. An image without a patient belongs to its group, and without either to itself.
        manifest: Of the bundle that made the readings.
        split: The split wanted; None for all rows.

    Raises:
        EvaluationError: A column is missing, an image appears twice, the readings are another bundle's or
            do not fit the classes, or nothing is left to evaluate.
    """
    _require(readings, "readings", ("image_id", "score", "decision"))
    _require(reference, "reference", ("image_id", "target"))
    _check_bundle(readings, manifest)
    wanted = _reference_rows(reference, split=split)
    read = _by_id(readings, "readings")
    classes = len(manifest.classes)
    reasons: Counter[str] = Counter()
    missing = unlabelled = 0
    kept: list[tuple[str, str, list[float], list[float], str]] = []
    for image_id in sorted(wanted):
        truth, row = wanted[image_id], read.get(image_id)
        if row is None:
            missing += 1
        elif row.get("reject_reason") is not None or row["score"] is None:
            reasons[row.get("reject_reason") or "not stated"] += 1
        elif truth["target"] is None or not np.isfinite(_floats(truth["target"])).any():
            unlabelled += 1
        else:
            kept.append((image_id, _cluster(truth), truth["target"], row["score"], row["decision"]))
    if not kept:
        raise EvaluationError(
            f"no image of the {split or 'reference'} was both read and labelled"
            f" ({len(wanted)} images, {len(read)} readings)",
            where="evaluation",
            todo="check that the readings and the cohort belong together",
        )
    ids, patients, targets, scores, decisions = zip(*kept, strict=True)
    counts = Counts(
        images=len(wanted),
        rejected=sum(reasons.values()),
        reasons=dict(sorted(reasons.items())),
        missing=missing,
        unlabelled=unlabelled,
        used=len(kept),
        cannot_assess=sum(decision == "cannot-assess" for decision in decisions),
        patients=len(set(patients)),
        unknown=len(read.keys() - wanted.keys()),
    )
    odd = next((decision for decision in decisions if decision not in DECISIONS), None)
    if odd is not None:
        raise EvaluationError(
            f"expected a decision among {', '.join(DECISIONS)}, got {odd!r}", where="readings"
        )
    return JoinedReadings(
        image_id=ids,
        patient=np.asarray(patients),
        labels=_matrix(targets, ids, classes=classes, what="target"),
        scores=_matrix(scores, ids, classes=classes, what="score"),
        decisions=np.asarray(decisions),
        counts=counts,
    )


def _cluster(truth: Mapping[str, Any]) -> str:
    """Whose image it is: a cohort names the image itself where the source states no patient."""
    image, patient, group = truth["image_id"], truth.get("patient_id"), truth.get("group_id")
    known = patient is not None and patient != image
    return str(patient if known else image if group is None else group)


def _require(table: pa.Table, name: str, columns: Sequence[str]) -> None:
    absent = [column for column in columns if column not in table.column_names]
    if absent:
        raise EvaluationError(f"expected a column '{absent[0]}', got {table.column_names}", where=name)


def _check_bundle(readings: pa.Table, manifest: BundleNames) -> None:
    if "bundle" not in readings.column_names:
        return
    made_by = {name for name in readings["bundle"].unique().to_pylist() if name} - {manifest.label}
    if made_by:
        raise EvaluationError(
            f"expected readings of {manifest.label}, got some of {min(made_by)}",
            where="readings",
            todo="read the images with this bundle",
        )


def _reference_rows(reference: pa.Table, *, split: str | None) -> dict[str, dict[str, Any]]:
    wanted = ("image_id", "patient_id", "group_id", "target", "split")
    columns = [name for name in wanted if name in reference.column_names]
    if split is not None and "split" not in columns:
        raise EvaluationError("expected a column 'split'", where="reference", todo="or ask for split None")
    rows = _by_id(reference.select(columns), "reference")
    return {name: row for name, row in rows.items() if split is None or row["split"] == split}


def _by_id(table: pa.Table, name: str) -> dict[str, dict[str, Any]]:
    asked = ("patient_id", "group_id", "target", "split", "score", "decision", "reject_reason")
    rows = table.select(["image_id", *(one for one in asked if one in table.column_names)]).to_pylist()
    found = {str(row["image_id"]): row for row in rows}
    if len(found) < len(rows):
        twice = Counter(str(row["image_id"]) for row in rows).most_common(1)[0][0]
        raise EvaluationError(f"image '{twice}' appears more than once", where=name)
    return found


def _floats(values: Sequence[float | None]) -> Array:
    return np.asarray([np.nan if value is None else value for value in values], np.float64)


def _matrix(rows: Sequence[Sequence[float]], ids: Sequence[str], *, classes: int, what: str) -> Array:
    for image_id, row in zip(ids, rows, strict=True):
        if len(row) != classes:
            raise EvaluationError(
                f"expected {classes} values of {what}, got {len(row)}", where=f"image '{image_id}'"
            )
    return np.stack([_floats(row) for row in rows])
