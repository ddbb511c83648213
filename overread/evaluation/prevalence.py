"""What a call is worth where the finding is as rare as stated, not as in the test set.

Sensitivity and specificity travel (roughly); predictive values do not. Bayes' theorem carries them over.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overread.errors import EvaluationError
from overread.evaluation.metrics import decided
from overread.evaluation.weighted import Array, Sums, ratio

_Rates = Callable[[Array, Array], Array]


def ppv_at_of(labels: Array, called: NDArray[np.bool_], *, prevalence: float) -> Sums:
    """Positive predictive value at a prevalence, as a statistic of weights."""

    def value(sensitivity: Array, specificity: Array) -> Array:
        true, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
        return ratio(true, true + false)

    return _of_rates(labels, called, prevalence, value)


def npv_at_of(labels: Array, called: NDArray[np.bool_], *, prevalence: float) -> Sums:
    """Negative predictive value at a prevalence, as a statistic of weights."""

    def value(sensitivity: Array, specificity: Array) -> Array:
        true, false = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
        return ratio(true, true + false)

    return _of_rates(labels, called, prevalence, value)


def ppv_at(labels: ArrayLike, called: ArrayLike, *, prevalence: float) -> float:
    """Share of calls that would be right at this prevalence; NaN where undefined.

    Args:
        labels: float [n], 1 present, 0 absent, NaN not stated.
        called: bool [n].
        prevalence: Share of images with the finding, 0..1.

    Example:
        >>> round(ppv_at([1] * 10 + [0] * 10, [True] * 9 + [False] * 10 + [True], prevalence=0.01), 3)
        0.083
    """
    truth, flags = decided(labels, called)
    return float(ppv_at_of(truth, flags, prevalence=prevalence)(np.ones((1, truth.size)))[0])


def npv_at(labels: ArrayLike, called: ArrayLike, *, prevalence: float) -> float:
    """Share of images not called that would be without the finding at this prevalence; NaN if undefined."""
    truth, flags = decided(labels, called)
    return float(npv_at_of(truth, flags, prevalence=prevalence)(np.ones((1, truth.size)))[0])


def _of_rates(labels: Array, called: NDArray[np.bool_], prevalence: float, value: _Rates) -> Sums:
    if not 0 <= prevalence <= 1:
        raise EvaluationError(f"expected `prevalence` between 0 and 1, got {prevalence:g}")
    present, absent = labels == 1, labels == 0

    def of(totals: Array) -> Array:
        hits, positives, passed, negatives = totals.T
        return value(ratio(hits, positives), ratio(passed, negatives))

    cells = [present & called, present, absent & ~called, absent]
    return Sums(np.column_stack(cells).astype(np.float64), of)
