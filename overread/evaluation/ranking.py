"""Figures that depend only on how the scores rank: ROC-AUC, average precision, points of the ROC curve.

Images are sorted once. What a resample changes is only how much weight of either truth lies at each level of
the scores, which a sparse product with the weights of the patients gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    return Ranking.of_scores(labels, scores, lambda positive, negative: _roc_auc(positive, _above(negative)))


def average_precision_of(labels: Array, scores: Array) -> Ranking:
    """Average precision: sum over thresholds of precision times the recall gained (no interpolation)."""

    def precision(positive: Array, negative: Array) -> Array:
        return _average_precision(positive, _above(positive), _above(negative))

    return Ranking.of_scores(labels, scores, precision)


def roc_at_of(labels: Array, scores: Array, *, false_positive_rates: Array) -> Ranking:
    """Sensitivity at given false-positive rates, interpolated linearly: [resamples, len(rates)]."""

    def at(positive: Array, negative: Array) -> Array:
        return _roc_at(_above(positive), _above(negative), false_positive_rates)

    return Ranking.of_scores(labels, scores, at)


def ranking_of(
    labels: Array,
    scores: Array,
    *,
    false_positive_rates: Array,
    specificities: Sequence[float] = (),
    sensitivities: Sequence[float] = (),
) -> Ranking:
    """All that one score's ranking says, in one pass over it.

    Columns [resamples, 2 + rates + specificities + sensitivities]: ROC-AUC, average precision, the
    sensitivities at the false-positive rates, those at the specificities (`sensitivity_at_of`) and the
    specificities at the sensitivities (`specificity_at_of`).
    """

    def together(positive: Array, negative: Array) -> Array:
        hits, alarms = _above(positive), _above(negative)
        areas = [_roc_auc(positive, alarms), _average_precision(positive, hits, alarms)]
        return np.column_stack(
            [
                *areas,
                _roc_at(hits, alarms, false_positive_rates),
                _sensitivity_at(hits, alarms, np.asarray(specificities, np.float64)),
                _specificity_at(hits, alarms, np.asarray(sensitivities, np.float64)),
            ]
        )

    return Ranking.of_scores(labels, scores, together)


def sensitivity_at_of(labels: Array, scores: Array, *, specificities: Array) -> Ranking:
    """The highest sensitivity of any threshold with at least each specificity: [resamples, specificities].

    A step of the curve, not a line: a threshold that no image of the test set offers is not promised. Each
    resample chooses its own threshold.
    """

    def at(positive: Array, negative: Array) -> Array:
        return _sensitivity_at(_above(positive), _above(negative), specificities)

    return Ranking.of_scores(labels, scores, at)


def specificity_at_of(labels: Array, scores: Array, *, sensitivities: Array) -> Ranking:
    """The highest specificity of any threshold with at least each sensitivity: [resamples, sensitivities]."""

    def at(positive: Array, negative: Array) -> Array:
        return _specificity_at(_above(positive), _above(negative), sensitivities)

    return Ranking.of_scores(labels, scores, at)


# Below, `hits` and `alarms` are the positives and negatives at or above each level: see `_above`.


def _roc_auc(positive: Array, alarms: Array) -> Array:
    # A positive wins against the negatives below its level and half of those on it.
    lost = (alarms[1:] + alarms[:-1])[::-1]
    lost /= 2
    missed: Any = np.einsum("ij,ij->j", positive, lost)
    pairs = positive.sum(axis=0) * alarms[-1]
    return ratio(pairs - missed, pairs)


def _average_precision(positive: Array, hits: Array, alarms: Array) -> Array:
    called = hits[1:] + alarms[1:]
    precision = np.divide(hits[1:], called, out=np.zeros_like(called), where=called > 0)
    gained: Any = np.einsum("ij,ij->j", positive[::-1], precision)
    return ratio(gained, hits[-1])


def _roc_at(hits: Array, alarms: Array, rates: Array) -> Array:
    values: Array = np.full((hits.shape[1], len(rates)), np.nan)
    curves = zip(np.ascontiguousarray(alarms.T), np.ascontiguousarray(hits.T), strict=True)
    for row, (x, y) in enumerate(curves):
        if x[-1] > 0 and y[-1] > 0:
            # At a vertical step np.interp takes the last point, the upper end: the curve's own value.
            values[row] = np.interp(rates * x[-1], x, y) / y[-1]
    return values


def _sensitivity_at(hits: Array, alarms: Array, specificities: Array) -> Array:
    allowed = 1 - specificities + _ROUNDING
    values: Array = np.full((hits.shape[1], len(specificities)), np.nan)
    if not specificities.size:
        return values
    for row, (x, y) in enumerate(zip(alarms.T, hits.T, strict=True)):
        if x[-1] > 0 and y[-1] > 0:
            values[row] = y[np.searchsorted(x, allowed * x[-1], side="right") - 1] / y[-1]
    return values


def _specificity_at(hits: Array, alarms: Array, sensitivities: Array) -> Array:
    wanted = sensitivities - _ROUNDING
    values: Array = np.full((hits.shape[1], len(sensitivities)), np.nan)
    if not sensitivities.size:
        return values
    for row, (x, y) in enumerate(zip(alarms.T, hits.T, strict=True)):
        if x[-1] > 0 and y[-1] > 0:
            values[row] = 1 - x[np.searchsorted(y, wanted * y[-1], side="left")] / x[-1]
    return values


def _above(levels: Array) -> Array:
    """Weight at or above each level, from none to all: [levels, resamples] → [levels + 1, resamples]."""
    out: Array = np.zeros((len(levels) + 1, levels.shape[1]))
    out[1:] = levels[::-1]
    # Row by row: numpy's cumsum over the first axis strides through memory and takes three times as long.
    for before, row in pairwise(list(out)):
        np.add(before, row, out=row)
    return out
