"""When to say cannot-assess: split-conformal sets of classes with a stated coverage.

On images that fitted nothing, take the score that the reader gave each true class. The threshold is the
score below which that of a new image falls with a chance of at most 1 - coverage, whatever the reader is
worth (Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World, 2005; Papadopoulos, ECML 2002).
The set of an image holds every class that reaches it: one class is an answer; none or several cannot-assess.

The promise holds on average over images like the calibration ones, not for each kind of image; `by_class`
keeps it within each true class too, which matters where positives are few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overread.bundle.manifest import ConformalRule, Task
from overread.errors import EvaluationError
from overread.evaluation.metrics import classified, scored
from overread.evaluation.weighted import Array, Members


@dataclass(frozen=True)
class Conformal:
    """Thresholds of a split-conformal rule.

    Attributes:
        lowest: float64 [classes], the lowest score at which each class is still in the set; -inf where there
            are too few images for the coverage, so that the class is always in.
        coverage: What was asked.
        counts: int [classes], on how many images (or patients) each threshold rests.
        clustered: Whether whole patients were counted.
    """

    lowest: Array
    coverage: float
    counts: tuple[int, ...]
    clustered: bool

    def sets(self, scores: ArrayLike) -> NDArray[np.bool_]:
        """Which classes are possible, bool [n, classes], for scores [n, classes]."""
        values = np.asarray(scores, np.float64)
        if values.ndim != 2 or values.shape[1] != self.lowest.size:
            raise EvaluationError(f"expected scores [n, {self.lowest.size}], got shape {values.shape}")
        return np.asarray(values >= self.lowest, np.bool_)

    def cannot_assess(self, scores: ArrayLike) -> NDArray[np.bool_]:
        """Where the set is not a single class, bool [n]."""
        return np.asarray(self.sets(scores).sum(axis=1) != 1, np.bool_)


def fit_conformal(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    coverage: float = 0.95,
    by_class: bool = True,
    groups: ArrayLike | None = None,
) -> Conformal:
    """Thresholds such that a new image's true class is in its set with at least this chance.

    Args:
        labels: float [n, classes], one 1 a row; a row with NaN is left out.
        scores: float [n, classes]; see `two_sided` for a single finding.
        coverage: Between 0 and 1.
        by_class: One threshold a true class (Mondrian) instead of one for all.
        groups: [n], the patient of each image. Images of one patient are not exchangeable with others, their
            patients are: with groups each patient counts once, by its least likely image, and the promise
            holds for all images of a new patient at once, which is more than for one. None: by image.

    Raises:
        EvaluationError: Shapes or labels do not fit, or the coverage is not between 0 and 1.
    """
    truth, values = classified(labels, scores)
    if not 0 < coverage < 1:
        raise EvaluationError(f"expected `coverage` between 0 and 1, got {coverage:g}")
    stated = ~np.isnan(truth).any(axis=1)
    patients = np.arange(len(truth)) if groups is None else np.asarray(groups)
    if patients.shape != (len(truth),):
        raise EvaluationError(f"expected a group for each of {len(truth)} images, got shape {patients.shape}")
    true_class, rows = truth[stated].argmax(axis=1), np.arange(int(stated.sum()))
    likeness = values[stated][rows, true_class]
    _, member = np.unique(patients[stated], return_inverse=True)
    classes = truth.shape[1]
    kept = [true_class == index for index in range(classes)] if by_class else [np.ones(rows.size, np.bool_)]
    found = [_lowest(likeness[here], member[here], coverage=coverage) for here in kept]
    if not by_class:
        found = found * classes
    return Conformal(
        lowest=np.array([low for low, _ in found]),
        coverage=coverage,
        counts=tuple(count for _, count in found),
        clustered=groups is not None,
    )


def conformal_rule(
    labels: ArrayLike, scores: ArrayLike, *, task: Task, coverage: float, groups: ArrayLike
) -> ConformalRule:
    """The rule of a bundle: by true class (Mondrian), each patient counted once.

    Args:
        labels: float [n, classes]; 1, 0, NaN not stated.
        scores: float [n, classes], calibrated, of images that the reader was not fitted to.
        task: Multiclass has one threshold a class; else two a finding, of its absence and of its presence.
        coverage: Between 0 and 1.
        groups: [n], the patient of each image.
    """
    truth, values = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if task == "multiclass":
        fitted = [fit_conformal(truth, values, coverage=coverage, groups=groups)]
    else:
        fitted = [
            fit_conformal(two_sided(own), two_sided(column), coverage=coverage, groups=groups)
            for own, column in zip(truth.T, values.T, strict=True)
        ]
    lowest = np.concatenate([one.lowest for one in fitted])
    return ConformalRule(
        coverage=coverage,
        lowest=tuple(None if np.isinf(one) else float(one) for one in lowest),
        patients=tuple(count for one in fitted for count in one.counts),
    )


def two_sided(values: ArrayLike) -> Array:
    """Labels or scores [n] of one finding as two classes, absent and present: float64 [n, 2]."""
    present = np.asarray(values, np.float64)
    if present.ndim != 1:
        raise EvaluationError(f"expected values of one finding [n], got shape {present.shape}")
    return np.stack([1 - present, present], axis=1)


def conformal_coverage(rule: Conformal, labels: ArrayLike, scores: ArrayLike) -> Array:
    """Share of images whose set holds the true class, by true class: float64 [classes]; NaN without images.

    To be looked at on test: it should come out near the coverage asked, or above.
    """
    truth, values = classified(labels, scores)
    held = rule.sets(values)
    shares = [held[truth[:, k] == 1, k] for k in range(truth.shape[1])]
    return np.array([one.mean() if one.size else np.nan for one in shares])


def agreed_decisions(labels: ArrayLike, scores: ArrayLike, *, rule: Conformal) -> tuple[float, float]:
    """Of one finding: the share of images that get an answer, and the share of answers that are right.

    Args:
        labels: float [n], 1, 0, NaN not stated (left out).
        scores: float [n].
        rule: Fitted on `two_sided` labels and scores.
    """
    truth, values = scored(labels, scores)
    stated = ~np.isnan(truth)
    sets = rule.sets(two_sided(values[stated]))
    single = sets.sum(axis=1) == 1
    right = sets[single, truth[stated][single].astype(np.intp)]
    answered = float(single.mean()) if single.size else np.nan
    return answered, float(right.mean()) if right.size else np.nan


def _lowest(likeness: Array, member: Members, *, coverage: float) -> tuple[float, int]:
    """The k-th lowest of n likenesses, k = floor((n + 1)(1 - coverage)): all but k - 1 are at or above it."""
    patients, at = np.unique(member, return_inverse=True)
    worst: Array = np.full(patients.size, np.inf)
    np.minimum.at(worst, at, likeness)
    rank = int(np.floor((worst.size + 1) * (1 - coverage) + 1e-9))
    return (float(np.sort(worst)[rank - 1]) if rank >= 1 else -np.inf), worst.size
