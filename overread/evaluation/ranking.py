"""Figures that depend only on how the scores rank: ROC-AUC, average precision, points of the ROC curve.

Images are sorted once. What a resample changes is only how much weight of either truth lies at each level of
the scores, which a sparse product with the weights of the patients gives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overread.evaluation.weighted import Array, Members, ratio

_ROUNDING = 1e-9  # 0.9 of 50 negatives are 45, whatever 0.9 is in binary


@dataclass(frozen=True)
class Ranking:
    """A statistic of the weight of positives and of negatives at each level of the scores.

    Equal scores are one level; so are neighbouring scores without a positive, for they decide alike.

    Attributes:
        of: (positive, negative) float64 [levels, resamples] each, levels from low to high → values
            [resamples] or [resamples, k].
        level: int [m], the level of each image that has a label.
        positive: bool [m].
        column: int [m], whose weight each image has.
        levels: How many.
    """

    of: Callable[[Array, Array], Array]
    level: Members
    positive: NDArray[np.bool_]
    column: Members
    levels: int

    @classmethod
    def of_scores(cls, labels: Array, scores: Array, of: Callable[[Array, Array], Array]) -> Ranking:
        """Sort labels and scores, float [n] each; images without a label (NaN) are left out."""
        stated = np.flatnonzero(~np.isnan(labels))
        order = stated[np.argsort(scores[stated], kind="stable")]
        ranked, positive = scores[order], labels[order] == 1
        distinct = np.cumsum(np.append(0, ranked[1:] != ranked[:-1]))[: ranked.size]
        mixed = np.bincount(distinct, weights=positive) > 0
        starts = np.append(True, mixed[1:] | mixed[:-1])[: mixed.size]
        level = (np.cumsum(starts) - 1)[distinct]
        return cls(of, level, positive, order, int(starts.sum()))

    def __call__(self, weights: Array, /) -> Array:
        """Values [resamples] for weights [resamples, n]."""
        columns = np.ascontiguousarray(weights.T)
        sides = (self._per_level(columns, side) for side in (self.positive, ~self.positive))
        return self.of(*sides)

    def pooled(self, member: Members, *, groups: int) -> Ranking:  # noqa: ARG002
        """The same statistic of weights [resamples, groups]."""
        return Ranking(self.of, self.level, self.positive, member[self.column], self.levels)

    def _per_level(self, columns: Array, side: NDArray[np.bool_]) -> Array:
        from scipy.sparse import csr_array

        starts = np.searchsorted(self.level[side], np.arange(self.levels + 1))
        shape = (self.levels, len(columns))
        table = csr_array((np.ones(int(side.sum())), self.column[side], starts), shape=shape)
        return np.asarray(table @ columns, np.float64)


def roc_auc_of(labels: Array, scores: Array) -> Ranking:
    """Area under the ROC curve: P(score of a positive > of a negative), ties half (Mann & Whitney 1947)."""
    return Ranking.of_scores(labels, scores, _roc_auc)


def average_precision_of(labels: Array, scores: Array) -> Ranking:
    """Average precision: sum over thresholds of precision times the recall gained (no interpolation)."""
    return Ranking.of_scores(labels, scores, _average_precision)


def roc_at_of(labels: Array, scores: Array, *, false_positive_rates: Array) -> Ranking:
    """Sensitivity at given false-positive rates, interpolated linearly: [resamples, len(rates)]."""

    def at(positive: Array, negative: Array) -> Array:
        return _roc_at(positive, negative, false_positive_rates)

    return Ranking.of_scores(labels, scores, at)


def ranking_of(labels: Array, scores: Array, *, false_positive_rates: Array) -> Ranking:
    """ROC-AUC, average precision and sensitivities at rates in one pass: [resamples, 2 + len(rates)]."""

    def together(positive: Array, negative: Array) -> Array:
        areas = [_roc_auc(positive, negative), _average_precision(positive, negative)]
        return np.column_stack([*areas, _roc_at(positive, negative, false_positive_rates)])

    return Ranking.of_scores(labels, scores, together)


def sensitivity_at_of(labels: Array, scores: Array, *, specificities: Array) -> Ranking:
    """The highest sensitivity of any threshold with at least each specificity: [resamples, specificities].

    A step of the curve, not a line: a threshold that no image of the test set offers is not promised. Each
    resample chooses its own threshold.
    """

    def at(positive: Array, negative: Array) -> Array:
        hits, alarms = _above(positive), _above(negative)
        allowed = 1 - specificities + _ROUNDING
        values: Array = np.full((hits.shape[1], len(specificities)), np.nan)
        for row, (x, y) in enumerate(zip(alarms.T, hits.T, strict=True)):
            if x[-1] > 0 and y[-1] > 0:
                values[row] = y[np.searchsorted(x, allowed * x[-1], side="right") - 1] / y[-1]
        return values

    return Ranking.of_scores(labels, scores, at)


def _roc_auc(positive: Array, negative: Array) -> Array:
    below = _running(negative)
    below -= negative / 2
    won: Any = np.einsum("ij,ij->j", positive, below)
    return ratio(won, positive.sum(axis=0) * negative.sum(axis=0))


def _average_precision(positive: Array, negative: Array) -> Array:
    hits = _above(positive)[1:]
    called = _above(negative)[1:] + hits
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    gained: Any = np.einsum("ij,ij->j", positive[::-1], precision)
    return ratio(gained, positive.sum(axis=0))


def _roc_at(positive: Array, negative: Array, rates: Array) -> Array:
    hits, alarms = np.ascontiguousarray(_above(positive).T), np.ascontiguousarray(_above(negative).T)
    values: Array = np.full((len(hits), len(rates)), np.nan)
    for row, (x, y) in enumerate(zip(alarms, hits, strict=True)):
        if x[-1] > 0 and y[-1] > 0:
            # At a vertical step np.interp takes the last point, the upper end: the curve's own value.
            values[row] = np.interp(rates * x[-1], x, y) / y[-1]
    return values


def _above(levels: Array) -> Array:
    """Weight at or above each level, from none to all: [levels, resamples] → [levels + 1, resamples]."""
    return _running(np.concatenate([np.zeros((1, levels.shape[1])), levels[::-1]]))


def _running(levels: Array) -> Array:
    """Running sum down the rows, float64 [levels, resamples]."""
    out = levels.copy()
    # Row by row: numpy's cumsum over the first axis strides through memory and takes three times as long.
    for before, row in pairwise(list(out)):
        np.add(before, row, out=row)
    return out
