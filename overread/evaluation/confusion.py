"""Figures of the confusion table of a multiclass reader, whose highest score decides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from overread.evaluation.metrics import classified
from overread.evaluation.weighted import Array, Sums, ratio


def macro_f1_of(labels: Array, scores: Array) -> Sums:
    """Mean over the classes, that are there or decided for, of 2 TP / (2 TP + FP + FN)."""

    def mean(tables: Array) -> Array:
        right = np.diagonal(tables, axis1=1, axis2=2)
        each = ratio(2 * right, tables.sum(axis=1) + tables.sum(axis=2))
        known = ~np.isnan(each)
        return ratio(np.where(known, each, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))

    return _of_tables(labels, scores, mean)


def kappa_of(labels: Array, scores: Array) -> Sums:
    """Agreement of decision and truth beyond chance (Cohen, Educ. Psychol. Meas. 1960;20:37); 1 at best.

    Undefined where chance alone agrees always: one class only, in truth and decisions.
    """

    def agreement(tables: Array) -> Array:
        total = tables.sum(axis=(1, 2))
        seen = ratio(np.trace(tables, axis1=1, axis2=2), total)
        chance = ratio((tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1), total**2)
        return ratio(seen - chance, 1 - chance)

    return _of_tables(labels, scores, agreement)


def mcc_multiclass_of(labels: Array, scores: Array) -> Sums:
    """Correlation of decision and truth over all classes (Gorodkin, Comput. Biol. Chem. 2004;28:367)."""

    def correlation(tables: Array) -> Array:
        total, right = tables.sum(axis=(1, 2)), np.trace(tables, axis1=1, axis2=2)
        truth, decided = tables.sum(axis=2), tables.sum(axis=1)
        spread = (total**2 - (truth**2).sum(axis=1)) * (total**2 - (decided**2).sum(axis=1))
        return ratio(right * total - (truth * decided).sum(axis=1), np.sqrt(spread))

    return _of_tables(labels, scores, correlation)


def precision_multiclass_of(labels: Array, scores: Array, *, index: int) -> Sums:
    """Share of the images decided for class `index` that are of that class."""
    here = ~np.isnan(labels).any(axis=1) & (scores.argmax(axis=1) == index)
    return Sums(np.column_stack([here & (labels[:, index] == 1), here]).astype(np.float64))


def macro_f1(labels: ArrayLike, scores: ArrayLike) -> float:
    """Macro-averaged F1 of labels and scores [n, classes]; a row with NaN is left out."""
    return _plain(macro_f1_of(*classified(labels, scores)))


def kappa(labels: ArrayLike, scores: ArrayLike) -> float:
    """Cohen's kappa of labels and scores [n, classes]; a row with NaN is left out."""
    return _plain(kappa_of(*classified(labels, scores)))


def mcc_multiclass(labels: ArrayLike, scores: ArrayLike) -> float:
    """Matthews' correlation of labels and scores [n, classes]; a row with NaN is left out."""
    return _plain(mcc_multiclass_of(*classified(labels, scores)))


def _of_tables(labels: Array, scores: Array, of: Callable[[Array], Array]) -> Sums:
    """A figure of tables float64 [resamples, classes, classes]: truth by decision."""
    classes = labels.shape[1]
    stated = np.flatnonzero(~np.isnan(labels).any(axis=1))
    cell = labels[stated].argmax(axis=1) * classes + scores[stated].argmax(axis=1)
    cells = np.zeros((len(labels), classes**2))
    cells[stated, cell] = 1.0
    return Sums(cells, lambda totals: of(totals.reshape(-1, classes, classes)))


def _plain(statistic: Sums) -> float:
    return float(statistic(np.ones((1, len(statistic.sums))))[0])
