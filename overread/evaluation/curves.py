"""Curves of a reader: ROC with its band, precision-recall, reliability, and the scores' histogram."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from overread.evaluation.metrics import scored
from overread.evaluation.statistics import Array, Binning, bin_edges, bin_members, ratio

BAND_RATES: Array = np.linspace(0.0, 1.0, 101)
"""False-positive rates at which the ROC band is given."""
_MOST_POINTS = 400


def _from_json(value: Any) -> Any:
    return np.nan if value is None else value


Number = Annotated[
    float,
    BeforeValidator(_from_json),
    PlainSerializer(lambda value: None if np.isnan(value) else value, when_used="json"),
]
"""A float that JSON holds as null where it is undefined (NaN)."""


class _Curve(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RocCurve(_Curve):
    """Sensitivity against false-positive rate, from (0, 0) to (1, 1), and a pointwise band.

    `band_low` and `band_high` are at `BAND_RATES`; empty where the curve is undefined.
    """

    false_positive_rate: tuple[Number, ...] = ()
    sensitivity: tuple[Number, ...] = ()
    band_low: tuple[Number, ...] = ()
    band_high: tuple[Number, ...] = ()


class PrecisionRecallCurve(_Curve):
    """Precision (positive predictive value) against recall (sensitivity), recall rising."""

    recall: tuple[Number, ...] = ()
    precision: tuple[Number, ...] = ()


class Reliability(_Curve):
    """One entry a bin: mean score, share of positives with its interval, images. Empty bins are NaN."""

    edges: tuple[Number, ...] = ()
    mean_score: tuple[Number, ...] = ()
    observed: tuple[Number, ...] = ()
    low: tuple[Number, ...] = ()
    high: tuple[Number, ...] = ()
    count: tuple[int, ...] = ()


class Histogram(_Curve):
    """How many images of either truth have a score in each bin of equal width over 0..1."""

    edges: tuple[Number, ...] = ()
    positives: tuple[int, ...] = ()
    negatives: tuple[int, ...] = ()


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> RocCurve:
    """The ROC curve; empty where there are no positives or no negatives."""
    truth, values = scored(labels, scores)
    hits, alarms = _cumulative(truth, values)
    if not hits.size or hits[-1] == 0 or alarms[-1] == 0:
        return RocCurve()
    x, y = np.append(0.0, alarms / alarms[-1]), np.append(0.0, hits / hits[-1])
    kept = _thinned(_corners(x, y))
    return RocCurve(false_positive_rate=tuple(x[kept]), sensitivity=tuple(y[kept]))


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike) -> PrecisionRecallCurve:
    """Precision and recall at every threshold; empty where there are no positives."""
    truth, values = scored(labels, scores)
    hits, alarms = _cumulative(truth, values)
    if not hits.size or hits[-1] == 0:
        return PrecisionRecallCurve()
    kept = _thinned(np.arange(hits.size))
    recall, precision = hits / hits[-1], hits / (hits + alarms)
    return PrecisionRecallCurve(recall=tuple(recall[kept]), precision=tuple(precision[kept]))


def reliability(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    bins: int = 10,
    strategy: Binning = "uniform",
    level: float = 0.95,
) -> Reliability:
    """How often the finding is present among images of about equal score, with Clopper-Pearson bounds."""
    from overread.evaluation.intervals import exact_interval

    truth, values = scored(labels, scores)
    stated = ~np.isnan(truth)
    truth, values = truth[stated], values[stated]
    edges = bin_edges(values, bins=bins, strategy=strategy)
    members = bin_members(values, edges=edges)
    count, positives = members.sum(axis=0), members.T @ truth
    bounds = [exact_interval(int(k), int(n), level=level) for k, n in zip(positives, count, strict=True)]
    return Reliability(
        edges=tuple(edges),
        mean_score=tuple(ratio(members.T @ values, count)),
        observed=tuple(ratio(positives, count)),
        low=tuple(low for low, _ in bounds),
        high=tuple(high for _, high in bounds),
        count=tuple(int(n) for n in count),
    )


def histogram(labels: ArrayLike, scores: ArrayLike, *, bins: int = 20) -> Histogram:
    """Counts of scores by truth."""
    truth, values = scored(labels, scores)
    edges = np.linspace(0, 1, bins + 1)
    counts = [np.histogram(np.minimum(values[truth == side], 1.0), edges)[0] for side in (1, 0)]
    positives, negatives = (tuple(int(n) for n in side) for side in counts)
    return Histogram(edges=tuple(edges), positives=positives, negatives=negatives)


def _cumulative(truth: Array, values: Array) -> tuple[Array, Array]:
    """Positives and negatives at or above each distinct score, from the highest score down."""
    stated = ~np.isnan(truth)
    levels, where = np.unique(-values[stated], return_inverse=True)
    present = truth[stated]
    hits = np.bincount(where, weights=present, minlength=levels.size)
    alarms = np.bincount(where, weights=1 - present, minlength=levels.size)
    return np.cumsum(hits), np.cumsum(alarms)


def _corners(x: Array, y: Array) -> NDArray[np.intp]:
    """Indices of the points at which a curve turns; those inside a straight stretch say nothing."""
    if x.size < 3:
        return np.arange(x.size)
    dx, dy = np.diff(x), np.diff(y)
    turns = ~np.isclose(dx[1:] * dy[:-1], dx[:-1] * dy[1:], rtol=1e-9, atol=1e-15)
    return np.flatnonzero(np.concatenate([[True], turns, [True]]))


def _thinned(kept: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most `_MOST_POINTS` of these indices, the ends among them: a drawn curve needs no more."""
    if kept.size <= _MOST_POINTS:
        return kept
    steps = np.linspace(0, kept.size - 1, _MOST_POINTS).round().astype(np.intp)
    return np.asarray(kept[np.unique(steps)], np.intp)
