"""Statistics as functions of image weights, so that one definition serves the value and its interval.

A factory here takes the data once (and sorts it once) and returns a `Statistic`: a function from
weights, float64 [resamples, n], to values, float64 [resamples]. A weight of 2 means that the image counts
twice, as in a resample that drew its patient twice; weights of 1 give the plain figure. Labels are
1 present, 0 absent, NaN not stated (left out). A resample in which a figure is undefined yields NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]
Binning = Literal["uniform", "quantile"]


def ratio(numerator: Array, denominator: Array) -> Array:
    """Divide, with NaN where the denominator is 0."""
    out: Array = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out


@dataclass(frozen=True)
class Share:
    """Weighted sum of a part over that of a whole: every proportion and every mean is one.

    A class, so that the bootstrap can take all of them in one matrix product.

    Attributes:
        sums: float64 [n, 2]: each image's part and whole.
    """

    sums: Array

    def __call__(self, weights: Array) -> Array:
        """Values [resamples] for weights [resamples, n]."""
        total = weights @ self.sums
        return ratio(total[:, 0], total[:, 1])


def share_of(part: ArrayLike, whole: ArrayLike) -> Share:
    """The share of `part` in `whole`, both [n]."""
    return Share(np.stack([np.asarray(part, np.float64), np.asarray(whole, np.float64)], axis=1))


def mean_of(statistics: Sequence[Statistic]) -> Statistic:
    """Mean of several statistics; NaN in a resample where any of them is, and where there are none."""

    def statistic(weights: Array) -> Array:
        if not statistics:
            return np.full(len(weights), np.nan)
        values: Array = np.mean([one(weights) for one in statistics], axis=0)
        return values

    return statistic


def roc_auc_of(labels: Array, scores: Array) -> Statistic:
    """Area under the ROC curve: P(score of a positive > of a negative), ties half (Mann & Whitney 1947)."""
    levels = _Levels(labels, scores)
    return lambda weights: _roc_auc(*levels.sums(weights))


def average_precision_of(labels: Array, scores: Array) -> Statistic:
    """Average precision: sum over thresholds of precision times the recall gained (no interpolation)."""
    levels = _Levels(labels, scores)
    return lambda weights: _average_precision(*levels.sums(weights))


def roc_at_of(labels: Array, scores: Array, *, false_positive_rates: Array) -> Statistic:
    """Sensitivity at given false-positive rates, interpolated linearly: [resamples, len(rates)]."""
    levels = _Levels(labels, scores)
    return lambda weights: _roc_at(*levels.sums(weights), false_positive_rates)


def ranking_of(labels: Array, scores: Array, *, false_positive_rates: Array) -> Statistic:
    """ROC-AUC, average precision and sensitivities at rates in one pass: [resamples, 2 + len(rates)]."""
    levels = _Levels(labels, scores)

    def statistic(weights: Array) -> Array:
        positive, negative = levels.sums(weights)
        areas = [_roc_auc(positive, negative), _average_precision(positive, negative)]
        return np.column_stack([*areas, _roc_at(positive, negative, false_positive_rates)])

    return statistic


def accuracy_of(labels: Array, called: NDArray[np.bool_]) -> Statistic:
    """Share of stated labels that the decision agrees with."""
    stated = ~np.isnan(labels)
    return share_of(stated & ((labels == 1) == called), stated)


def sensitivity_of(labels: Array, called: NDArray[np.bool_]) -> Statistic:
    """Share of positives that were called."""
    return share_of((labels == 1) & called, labels == 1)


def specificity_of(labels: Array, called: NDArray[np.bool_]) -> Statistic:
    """Share of negatives that were not called."""
    return share_of((labels == 0) & ~called, labels == 0)


def ppv_of(labels: Array, called: NDArray[np.bool_]) -> Statistic:
    """Share of called images that are positive (positive predictive value, precision)."""
    return share_of((labels == 1) & called, ~np.isnan(labels) & called)


def npv_of(labels: Array, called: NDArray[np.bool_]) -> Statistic:
    """Share of images not called that are negative (negative predictive value)."""
    return share_of((labels == 0) & ~called, ~np.isnan(labels) & ~called)


def f1_of(labels: Array, called: NDArray[np.bool_]) -> Statistic:
    """Harmonic mean of sensitivity and positive predictive value: 2 TP / (2 TP + FP + FN)."""
    present, flagged = labels == 1, ~np.isnan(labels) & called
    return share_of(2.0 * (present & flagged), present.astype(float) + flagged)


def balanced_accuracy_of(labels: Array, called: NDArray[np.bool_]) -> Statistic:
    """Mean of sensitivity and specificity."""
    return mean_of([sensitivity_of(labels, called), specificity_of(labels, called)])


def brier_of(labels: Array, scores: Array) -> Statistic:
    """Mean squared difference of score and label (Brier 1950, the one-sided form, 0..1)."""
    stated = ~np.isnan(labels)
    return share_of(np.where(stated, (scores - labels) ** 2, 0.0), stated)


def log_loss_of(labels: Array, scores: Array) -> Statistic:
    """Mean negative log likelihood in nats; scores are clipped to [eps, 1 - eps] of float32."""
    stated = ~np.isnan(labels)
    eps = float(np.finfo(np.float32).eps)
    inside = np.clip(scores, eps, 1 - eps)
    loss = -(labels * np.log(inside) + (1 - labels) * np.log1p(-inside))
    return share_of(np.where(stated, loss, 0.0), stated)


def calibration_error_of(labels: Array, scores: Array, *, bins: int, strategy: Binning) -> Statistic:
    """Expected calibration error: share-weighted |mean score - share of positives| over fixed bins."""
    stated = ~np.isnan(labels)
    members = bin_members(scores[stated], edges=bin_edges(scores[stated], bins=bins, strategy=strategy))
    gaps = members * (scores[stated] - labels[stated])[:, None]

    def statistic(weights: Array) -> Array:
        kept = weights[:, stated]
        return ratio(np.abs(kept @ gaps).sum(axis=1), kept.sum(axis=1))

    return statistic


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


def _roc_auc(positive: Array, negative: Array) -> Array:
    """From the weights of positives and negatives at each score, low to high: [resamples, levels] each."""
    below = np.cumsum(negative, axis=1) - negative / 2
    return ratio((positive * below).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))


def _average_precision(positive: Array, negative: Array) -> Array:
    hits = np.cumsum(positive[:, ::-1], axis=1)
    called = hits + np.cumsum(negative[:, ::-1], axis=1)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    return ratio((positive[:, ::-1] * precision).sum(axis=1), positive.sum(axis=1))


def _roc_at(positive: Array, negative: Array, rates: Array) -> Array:
    hits, alarms = np.cumsum(positive[:, ::-1], axis=1), np.cumsum(negative[:, ::-1], axis=1)
    values: Array = np.full((len(hits), len(rates)), np.nan)
    for row, (x, y) in enumerate(zip(alarms, hits, strict=True)):
        if x.size and x[-1] > 0 and y[-1] > 0:
            # At a vertical step np.interp takes the last point, the upper end: the curve's own value.
            ends = np.append(0.0, x), np.append(0.0, y)
            values[row] = np.interp(rates * x[-1], *ends) / y[-1]
    return values


class _Levels:
    """Images sorted by score once, with equal scores summed into one level."""

    def __init__(self, labels: Array, scores: Array) -> None:
        stated = np.flatnonzero(~np.isnan(labels))
        self.order = stated[np.argsort(scores[stated], kind="stable")]
        ranked = scores[self.order]
        self.starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])[: ranked.size])
        self.positive = labels[self.order] == 1

    def sums(self, weights: Array) -> tuple[Array, Array]:
        """Weight of positives and of negatives at each score from low to high: [resamples, levels] each."""
        ranked = weights[:, self.order]
        return self._per_level(ranked * self.positive), self._per_level(ranked * ~self.positive)

    def _per_level(self, ranked: Array) -> Array:
        if self.starts.size in (0, ranked.shape[1]):
            return ranked
        summed: Any = np.add.reduceat(ranked, self.starts, axis=1)
        return np.asarray(summed, np.float64)
