"""Which figures of evaluation.json a page shows: how far the reader can be trusted, in short."""

from __future__ import annotations

import math

from pydantic import ValidationError

from overread.errors import BundleError
from overread.evaluation.figures import Figure
from overread.evaluation.results import Evaluation

OVERALL = ("roc_auc", "average_precision", "accuracy", "balanced_accuracy")
"""Of the reader, whatever is decided; a macro mean over the findings of a multilabel one."""
COUNTS = ("images", "patients", "positives", "negatives", "prevalence")
"""Of the images behind them; these have no interval."""

Shown = dict[str, dict[str, float | None]]
"""Name → value, low, high; None where undefined."""


def shown_figures(evaluation: bytes, *, where: str) -> Shown:
    """The figures of an evaluation that a page shows: of the reader, its images, and its decisions.

    Those of the decisions are all of `triage.figures`, as "triage.sensitivity", "triage.urgent_if_present".

    Args:
        evaluation: Bytes of evaluation.json.
        where: What an error calls it.

    Raises:
        BundleError: It is no evaluation.
    """
    try:
        found = Evaluation.model_validate_json(evaluation)
    except ValidationError as error:
        raise BundleError("is not an evaluation", where=where, todo="evaluate the bundle anew") from error
    shown = {name: _told(found.overall[name]) for name in OVERALL if name in found.overall}
    shown["images"] = _count(found.counts.used)
    shown["patients"] = _count(found.counts.patients)
    triage = found.triage
    if triage is not None:
        total = triage.positives + triage.negatives
        shown["positives"], shown["negatives"] = _count(triage.positives), _count(triage.negatives)
        shown["prevalence"] = _count(triage.positives / total if total else math.nan)
        shown |= {f"triage.{name}": _told(figure) for name, figure in triage.figures.items()}
    return shown


def _told(figure: Figure) -> dict[str, float | None]:
    parts = {"value": figure.value, "low": figure.low, "high": figure.high}
    return {part: None if math.isnan(value) else value for part, value in parts.items()}


def _count(value: float) -> dict[str, float | None]:
    return {"value": None if math.isnan(value) else value, "low": None, "high": None}
