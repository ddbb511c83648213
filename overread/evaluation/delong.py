"""ROC areas of readers on the same images: their intervals and their differences, without resampling.

DeLong, DeLong & Clarke-Pearson (Biometrics 1988;44:837) estimate the covariance of ROC areas from
placements: of each positive the share of negatives that score below it, and of each negative the share of
positives above it. Ranks give all placements in n log n (Sun & Xu, IEEE Signal Process. Lett. 2014;21:1389).
Where patients have several images these are not independent; Obuchowski (Biometrics 1997;53:567) sums the
placements of each patient first. With one image a patient the two are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from overread.errors import EvaluationError
from overread.evaluation.weighted import Array, Members

Scale = Literal["plain", "logit"]
_ROUNDING = 1e-9  # a smaller standard error is that of no variance at all


@dataclass(frozen=True)
class AucInterval:
    """A ROC area with its interval.

    Attributes:
        value: The area; NaN without positives or without negatives.
        low: Lower bound; NaN where the variance is undefined or 0 (a reader that separates perfectly).
        high: Upper bound.
        standard_error: Of the area.
        positives: Images with the finding.
        negatives: Images without.
    """

    value: float
    low: float
    high: float
    standard_error: float
    positives: int
    negatives: int


@dataclass(frozen=True)
class AucDifference:
    """Two readers of the same images.

    Attributes:
        first: ROC area of the first reader.
        second: ROC area of the second.
        difference: first - second.
        low: Lower bound of the difference; NaN where the variance is undefined, or 0 for readers that rank
            differently (both separate perfectly).
        high: Upper bound.
        standard_error: Of the difference.
        p_value: Two-sided, of no difference; 1 where the readers rank alike, NaN where the bounds are.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    standard_error: float
    p_value: float


def delong_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    scale: Scale = "plain",
) -> AucInterval:
    """ROC area with its interval.

    Args:
        labels: float [n], 1 present, 0 absent, NaN not stated (left out).
        scores: float [n], higher for present.
        groups: [n], the patient of each image; None: every image is a patient's only one.
        level: Share that the interval should cover.
        scale: "plain": area ± z · standard error, cut to 0..1, as most programs have it; "logit": the same on
            the logit of the area, which covers better near 1 (Pepe, The Statistical Evaluation of Medical
            Tests, 2003, section 5.2).

    Raises:
        EvaluationError: Shapes differ, or a score is not finite.
    """
    areas, covariance, counts = auc_covariance(labels, np.asarray(scores)[..., None], groups=groups)
    value, error = float(areas[0]), float(np.sqrt(covariance[0, 0]))
    low = high = np.nan
    if error > 0 and scale == "plain":
        low, high = np.clip(value + np.array([-1, 1]) * _quantile(level) * error, 0, 1)
    elif error > 0 and 0 < value < 1:
        centre, width = np.log(value / (1 - value)), _quantile(level) * error / (value * (1 - value))
        low, high = 1 / (1 + np.exp(-(centre + np.array([-1, 1]) * width)))
    return AucInterval(value, float(low), float(high), error, *counts)


def delong_difference(
    labels: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> AucDifference:
    """Difference of the ROC areas of two readers of the same images, with a paired test.

    Args:
        labels: float [n], 1 present, 0 absent, NaN not stated (left out).
        first: float [n], scores of the first reader, on any scale.
        second: float [n], scores of the second.
        groups: [n], the patient of each image; None: every image is a patient's only one.
        level: Share that the interval should cover.
    """
    from scipy.stats import norm, rankdata

    scores = np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)], axis=-1)
    areas, covariance, _ = auc_covariance(labels, scores, groups=groups)
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    error = float(np.sqrt(max(variance, 0.0))) if not np.isnan(variance) else np.nan
    width, p_value = _quantile(level) * error, np.nan
    if error > _ROUNDING:
        p_value = float(2 * norm.sf(abs(difference) / error))
    elif error <= _ROUNDING:
        stated = ~np.isnan(np.asarray(labels, np.float64))
        ranks = rankdata(scores[stated], axis=0)
        alike = bool((ranks[:, 0] == ranks[:, 1]).all())
        # Two readers without one error may still differ elsewhere; one and the same reader cannot.
        difference, error = (0.0, 0.0) if alike else (difference, error)
        width, p_value = (0.0, 1.0) if alike else (np.nan, np.nan)
    return AucDifference(
        first=float(areas[0]),
        second=float(areas[1]),
        difference=difference,
        low=float(np.maximum(difference - width, -1.0)),
        high=float(np.minimum(difference + width, 1.0)),
        standard_error=error,
        p_value=p_value,
    )


def auc_covariance(
    labels: ArrayLike, scores: ArrayLike, *, groups: ArrayLike | None = None
) -> tuple[Array, Array, tuple[int, int]]:
    """ROC areas [readers], their covariance [readers, readers], and the positives and negatives.

    Args:
        labels: float [n].
        scores: float [n, readers].
        groups: [n], the patient of each image; None: every image is a patient's only one.
    """
    truth, values = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    patients = np.arange(truth.size) if groups is None else np.asarray(groups)
    if truth.ndim != 1 or values.shape[:1] != truth.shape or patients.shape != truth.shape:
        raise EvaluationError(
            "expected labels, scores and groups of one length, got shapes "
            f"{truth.shape}, {values.shape[:1]} and {patients.shape}"
        )
    if not np.isfinite(values).all():
        raise EvaluationError("expected finite scores, got NaN or infinity")
    stated = ~np.isnan(truth)
    present, values = truth[stated] == 1, values[stated]
    _, member = np.unique(patients[stated], return_inverse=True)
    positives, negatives = int(present.sum()), int((~present).sum())
    readers = values.shape[1]
    if not positives or not negatives:
        return np.full(readers, np.nan), np.full((readers, readers), np.nan), (positives, negatives)
    above, below = _placements(values, present)
    areas = above.mean(axis=0)
    # What each patient's images say more, or less, than the area: [patients, readers] on either side.
    own_above = _summed(above - areas, member[present], member) / positives
    own_below = _summed(below - areas, member[~present], member) / negatives
    with_positives, with_negatives = np.unique(member[present]).size, np.unique(member[~present]).size
    cross = own_above.T @ own_below * _unbiased(np.unique(member).size)
    covariance = (
        own_above.T @ own_above * _unbiased(with_positives)
        + own_below.T @ own_below * _unbiased(with_negatives)
        + cross
        + cross.T
    )
    # The estimate is a difference of sums where patients have both kinds: rounding must not make it negative.
    np.fill_diagonal(covariance, np.maximum(np.diag(covariance), 0.0))
    return areas, covariance, (positives, negatives)


def _placements(
    values: Array, present: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> tuple[Array, Array]:
    """Of each positive the share of negatives below, of each negative that of positives above; ties ½."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=0)
    positives, negatives = values[present], values[~present]
    above = (ranks[present] - rankdata(positives, axis=0)) / len(negatives)
    below = 1 - (ranks[~present] - rankdata(negatives, axis=0)) / len(positives)
    return np.asarray(above, np.float64), np.asarray(below, np.float64)


def _summed(parts: Array, member: Members, all_members: Members) -> Array:
    total: Array = np.zeros((int(all_members.max()) + 1, parts.shape[1]))
    np.add.at(total, member, parts)
    return total


def _unbiased(clusters: int) -> float:
    return clusters / (clusters - 1) if clusters > 1 else np.nan


def _quantile(level: float) -> float:
    from scipy.stats import norm

    if not 0 < level < 1:
        raise EvaluationError(f"expected `level` between 0 and 1, got {level:g}")
    return float(norm.ppf((1 + level) / 2))
