"""The figures of a reader as statistics of weights (see `weighted`): those at a threshold, and of scores.

A factory here takes the data once and returns a `Statistic`. Labels are 1 present, 0 absent, NaN not stated
(left out); `called` bool [n] is whether the decision was "present".
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from overread.evaluation.ranking import average_precision_of, ranking_of, roc_at_of, roc_auc_of
from overread.evaluation.weighted import Array, Mean, Statistic, Sums, mean_of, ratio, share_of

__all__ = [
    "Array",
    "Binning",
    "Statistic",
    "accuracy_of",
    "average_precision_of",
    "balanced_accuracy_of",
    "bin_edges",
    "bin_members",
    "brier_of",
    "calibration_error_of",
    "f1_of",
    "log_loss_of",
    "mcc_of",
    "mean_of",
    "npv_of",
    "ppv_of",
    "ranking_of",
    "ratio",
    "roc_at_of",
    "roc_auc_of",
    "sensitivity_of",
    "share_of",
    "specificity_of",
]

Binning = Literal["uniform", "quantile"]


def accuracy_of(labels: Array, called: NDArray[np.bool_]) -> Sums:
    """Share of stated labels that the decision agrees with."""
    stated = ~np.isnan(labels)
    return share_of(stated & ((labels == 1) == called), stated)


def sensitivity_of(labels: Array, called: NDArray[np.bool_]) -> Sums:
    """Share of positives that were called."""
    return share_of((labels == 1) & called, labels == 1)


def specificity_of(labels: Array, called: NDArray[np.bool_]) -> Sums:
    """Share of negatives that were not called."""
    return share_of((labels == 0) & ~called, labels == 0)


def ppv_of(labels: Array, called: NDArray[np.bool_]) -> Sums:
    """Share of called images that are positive (positive predictive value, precision)."""
    return share_of((labels == 1) & called, ~np.isnan(labels) & called)


def npv_of(labels: Array, called: NDArray[np.bool_]) -> Sums:
    """Share of images not called that are negative (negative predictive value)."""
    return share_of((labels == 0) & ~called, ~np.isnan(labels) & ~called)


def f1_of(labels: Array, called: NDArray[np.bool_]) -> Sums:
    """Harmonic mean of sensitivity and positive predictive value: 2 TP / (2 TP + FP + FN)."""
    present, flagged = labels == 1, ~np.isnan(labels) & called
    return share_of(2.0 * (present & flagged), present.astype(float) + flagged)


def balanced_accuracy_of(labels: Array, called: NDArray[np.bool_]) -> Mean:
    """Mean of sensitivity and specificity."""
    return mean_of([sensitivity_of(labels, called), specificity_of(labels, called)])


def mcc_of(labels: Array, called: NDArray[np.bool_]) -> Sums:
    """Correlation of decision and truth, -1..1; undefined where either is always the same.

    Source: Matthews, Biochim. Biophys. Acta 1975.
    """
    stated, present = ~np.isnan(labels), labels == 1
    cells = [present & called, stated & ~present & called, present & ~called, stated & ~present & ~called]

    def correlation(totals: Array) -> Array:
        hits, alarms, missed, passed = totals.T
        margins = (hits + alarms) * (hits + missed) * (passed + alarms) * (passed + missed)
        return ratio(hits * passed - alarms * missed, np.sqrt(margins))

    return Sums(np.column_stack(cells).astype(np.float64), correlation)


def brier_of(labels: Array, scores: Array) -> Sums:
    """Mean squared difference of score and label (Brier 1950, the one-sided form, 0..1)."""
    stated = ~np.isnan(labels)
    return share_of(np.where(stated, (scores - labels) ** 2, 0.0), stated)


def log_loss_of(labels: Array, scores: Array) -> Sums:
    """Mean negative log likelihood in nats; scores are clipped to [eps, 1 - eps] of float32."""
    stated = ~np.isnan(labels)
    eps = float(np.finfo(np.float32).eps)
    inside = np.clip(scores, eps, 1 - eps)
    loss = -(labels * np.log(inside) + (1 - labels) * np.log1p(-inside))
    return share_of(np.where(stated, loss, 0.0), stated)


def calibration_error_of(labels: Array, scores: Array, *, bins: int, strategy: Binning) -> Sums:
    """Expected calibration error: share-weighted |mean score - share of positives| over fixed bins."""
    stated = ~np.isnan(labels)
    members = np.zeros((labels.size, bins))
    members[stated] = bin_members(
        scores[stated], edges=bin_edges(scores[stated], bins=bins, strategy=strategy)
    )
    gaps = members * np.where(stated, scores - labels, 0.0)[:, None]

    def error(totals: Array) -> Array:
        return ratio(np.abs(totals[:, :-1]).sum(axis=1), totals[:, -1])

    return Sums(np.column_stack([gaps, stated]), error)


def bin_edges(scores: Array, *, bins: int, strategy: Binning) -> Array:
    """Edges of `bins` bins over 0..1: of equal width, or ("quantile") of about equal counts."""
    if strategy == "quantile" and scores.size:
        inner = np.quantile(scores, np.linspace(0, 1, bins + 1))[1:-1]
        return np.concatenate([[0.0], inner, [1.0]])
    return np.linspace(0, 1, bins + 1)


def bin_members(scores: Array, *, edges: Array) -> Array:
    """Indicator [n, bins]; bins are closed on the right, (a, b], the first also on the left."""
    which = np.searchsorted(edges[1:-1], scores)
    members = np.zeros((scores.size, edges.size - 1))
    members[np.arange(scores.size), which] = 1.0
    return members
