"""Whether acting on a reader does more good than harm: net benefit and the decision curve.

Who would examine up to 20 people to find one with the finding acts at a score of 1 in 20. At that threshold
probability the net benefit counts true calls, less false calls weighed by its odds: so many true calls per
image without a false one (Vickers & Elkin, Med. Decis. Making 2006;26:565).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from overread.errors import EvaluationError
from overread.evaluation.metrics import scored
from overread.evaluation.weighted import Array, Sums, ratio

DECISION_THRESHOLDS: Array = np.linspace(0.01, 0.99, 99)
"""Threshold probabilities of a decision curve."""


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit over threshold probabilities.

    Attributes:
        thresholds: float64 [k], between 0 and 1.
        reader: float64 [k], of acting where the score reaches the threshold; NaN where undefined.
        everyone: float64 [k], of acting on every image. Acting on none is 0 everywhere.
    """

    thresholds: Array
    reader: Array
    everyone: Array


def net_benefit_of(
    labels: Array, scores: Array, *, threshold: float, prevalence: float | None = None
) -> Sums:
    """Net benefit at one threshold probability as a statistic of weights.

    Args:
        labels: float [n], 1 present, 0 absent, NaN not stated.
        scores: float [n], calibrated probabilities, for the threshold is one.
        threshold: Between 0 and 1, both left out.
        prevalence: Of the place where the reader shall work, for a test set enriched with positives; None: as
            in the images. Then scores must be calibrated for that prevalence too.
    """
    if not 0 < threshold < 1:
        raise EvaluationError(f"expected a threshold probability between 0 and 1, got {threshold:g}")
    _check_prevalence(prevalence)
    present, absent, called = labels == 1, labels == 0, scores >= threshold
    odds = threshold / (1 - threshold)

    def benefit(totals: Array) -> Array:
        hits, alarms, positives, negatives = totals.T
        if prevalence is None:
            return ratio(hits - odds * alarms, positives + negatives)
        sensitivity, false_rate = ratio(hits, positives), ratio(alarms, negatives)
        return np.asarray(prevalence * sensitivity - odds * (1 - prevalence) * false_rate, np.float64)

    cells = [present & called, absent & called, present, absent]
    return Sums(np.column_stack(cells).astype(np.float64), benefit)


def net_benefit(
    labels: ArrayLike, scores: ArrayLike, *, threshold: float, prevalence: float | None = None
) -> float:
    """Net benefit at one threshold probability; NaN without labels.

    Example:
        >>> net_benefit([1, 1, 0, 0], [0.9, 0.1, 0.3, 0.1], threshold=0.2)
        0.1875
    """
    truth, values = scored(labels, scores)
    statistic = net_benefit_of(truth, values, threshold=threshold, prevalence=prevalence)
    return float(statistic(np.ones((1, truth.size)))[0])


def decision_curve(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    thresholds: ArrayLike = DECISION_THRESHOLDS,
    prevalence: float | None = None,
) -> DecisionCurve:
    """Net benefit of the reader and of acting on everyone, over threshold probabilities.

    Args:
        labels: float [n], 1 present, 0 absent, NaN not stated.
        scores: float [n], calibrated probabilities.
        thresholds: float [k].
        prevalence: See `net_benefit_of`.
    """
    truth, values = scored(labels, scores)
    at = np.asarray(thresholds, np.float64)
    once = np.ones((1, truth.size))

    def curve(of: Array) -> Array:
        points = [net_benefit_of(truth, of, threshold=float(t), prevalence=prevalence)(once)[0] for t in at]
        return np.asarray(points, np.float64)

    return DecisionCurve(at, curve(values), curve(np.ones_like(values)))


def _check_prevalence(prevalence: float | None) -> None:
    if prevalence is not None and not 0 <= prevalence <= 1:
        raise EvaluationError(f"expected `prevalence` between 0 and 1, got {prevalence:g}")
