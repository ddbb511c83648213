"""Whether acting on a reader does more good than harm: net benefit and the decision curve.

Who would examine up to 20 people to find one with the finding acts at a score of 1 in 20. At that threshold
probability the net benefit counts true calls, less false calls weighed by its odds: so many true calls per
image without a false one (Vickers & Elkin, Med. Decis. Making 2006;26:565).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overread.errors import EvaluationError
from overread.evaluation.metrics import scored
from overread.evaluation.weighted import Array, Members, Sums, ratio

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
    found = net_benefits_of(labels, scores, thresholds=np.array([threshold]), prevalence=prevalence)
    cells = found.pooled(np.arange(labels.size), groups=labels.size)
    return Sums(cells.sums, lambda totals: cells.of(totals)[:, 0])


@dataclass(frozen=True)
class NetBenefits:
    """Net benefit at several threshold probabilities as a statistic of weights: [resamples, thresholds].

    It keeps in which step of the thresholds each image lies, not a column a threshold: a decision curve of
    many findings over many images then needs no memory to speak of.

    Attributes:
        thresholds: float64 [k], rising.
        step: int [m], how many thresholds each image that has a label reaches.
        positive: bool [m].
        column: int [m], whose weight each image has.
        prevalence: See `net_benefit_of`.
    """

    thresholds: Array
    step: Members
    positive: NDArray[np.bool_]
    column: Members
    prevalence: float | None

    def __call__(self, weights: Array, /) -> Array:
        """Values [resamples, thresholds] for weights [resamples, n]."""
        images = weights.shape[1]
        return self.pooled(np.arange(images), groups=images)(weights)

    def pooled(self, member: Members, *, groups: int) -> Sums:
        """The same statistic of weights [resamples, groups]."""
        steps = self.thresholds.size + 1
        cell = (2 * member[self.column] + ~self.positive) * steps + self.step
        counts = np.bincount(cell, minlength=2 * groups * steps).astype(np.float64)
        return Sums(counts.reshape(groups, 2 * steps), self._benefit)

    def _benefit(self, totals: Array) -> Array:
        sides = totals.reshape(len(totals), 2, -1)
        reached = np.cumsum(sides[:, :, ::-1], axis=2)[:, :, ::-1]  # all that lie in a step or above it
        hits, alarms = reached[:, 0, 1:], reached[:, 1, 1:]
        positives, negatives = reached[:, 0, :1], reached[:, 1, :1]
        odds = self.thresholds / (1 - self.thresholds)
        if self.prevalence is None:
            return ratio(hits - odds * alarms, positives + negatives)
        sensitivity, false_rate = ratio(hits, positives), ratio(alarms, negatives)
        return np.asarray(
            self.prevalence * sensitivity - odds * (1 - self.prevalence) * false_rate, np.float64
        )


def net_benefits_of(
    labels: Array, scores: Array, *, thresholds: Array, prevalence: float | None = None
) -> NetBenefits:
    """Net benefit at several threshold probabilities, float [k] between 0 and 1 and rising."""
    odd = thresholds[~((thresholds > 0) & (thresholds < 1))]
    if odd.size:
        raise EvaluationError(f"expected a threshold probability between 0 and 1, got {odd[0]:g}")
    if (np.diff(thresholds) <= 0).any():
        raise EvaluationError(f"expected rising thresholds, got {thresholds.tolist()}")
    _check_prevalence(prevalence)
    stated = np.flatnonzero(~np.isnan(labels))
    step = np.searchsorted(thresholds, scores[stated], side="right")
    return NetBenefits(thresholds, step, labels[stated] == 1, stated, prevalence)


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
        values = net_benefits_of(truth, of, thresholds=at, prevalence=prevalence)(once)
        return np.asarray(values[0], np.float64)

    return DecisionCurve(at, curve(values), curve(np.ones_like(values)))


def _check_prevalence(prevalence: float | None) -> None:
    if prevalence is not None and not 0 <= prevalence <= 1:
        raise EvaluationError(f"expected `prevalence` between 0 and 1, got {prevalence:g}")
