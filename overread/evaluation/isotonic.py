"""Isotonic calibration: the share of positives as a rising step function of the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from overread.errors import EvaluationError
from overread.evaluation.weighted import Array


@dataclass(frozen=True)
class Isotonic:
    """A rising map from logits to scores, linear between its knots and flat outside.

    Attributes:
        logits: float64 [knots], rising.
        scores: float64 [knots], never falling, inside 0..1.
    """

    logits: Array
    scores: Array

    def __call__(self, logits: ArrayLike) -> Array:
        """Scores float64 of logits of any shape."""
        return np.asarray(np.interp(np.asarray(logits, np.float64), self.logits, self.scores), np.float64)


def fit_isotonic(logits: ArrayLike, labels: ArrayLike) -> Isotonic:
    """Fit by pooling neighbours that fall (Zadrozny & Elkan, KDD 2002; Ayer et al., Ann. Math. Stat. 1955).

    Shares of 0 and 1 are drawn in to Platt's targets, 1 / (negatives + 2) and (positives + 1) /
    (positives + 2): a few images do not show that the finding never, or always, is there. Scores that share
    a step become equal, so unlike temperature and Platt scaling this can tie images that were ranked.

    Args:
        logits: float [n].
        labels: float [n], 1, 0, NaN not stated (left out).

    Raises:
        EvaluationError: There are no positives or no negatives.
    """
    values, truth = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    if values.ndim != 1 or values.shape != truth.shape:
        raise EvaluationError(f"expected logits and labels [n], got shapes {values.shape} and {truth.shape}")
    stated = ~np.isnan(truth)
    values, present = values[stated], truth[stated] == 1
    positives, negatives = int(present.sum()), int((~present).sum())
    if not positives or not negatives:
        raise EvaluationError(f"expected positives and negatives, got {positives} and {negatives}")
    levels, where = np.unique(values, return_inverse=True)
    images = np.bincount(where).astype(np.float64)
    shares = rising(np.bincount(where, weights=present) / images, weights=images)
    inner = np.clip(shares, 1 / (negatives + 2), (positives + 1) / (positives + 2))
    # Inside a step the knots say nothing; its two ends do.
    turns = np.ones(levels.size, np.bool_)
    turns[1:-1] = (inner[1:-1] != inner[:-2]) | (inner[1:-1] != inner[2:])
    return Isotonic(levels[turns], inner[turns])


def rising(values: ArrayLike, *, weights: ArrayLike) -> Array:
    """The never falling sequence nearest in weighted squares, float64 [n] (pool adjacent violators).

    Example:
        >>> rising([1.0, 3.0, 2.0, 4.0], weights=[1.0, 1.0, 1.0, 1.0]).tolist()
        [1.0, 2.5, 2.5, 4.0]
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(np.asarray(values, np.float64), np.asarray(weights, np.float64), strict=True):
        mean, total, length = float(value), float(weight), 1
        while blocks and blocks[-1][0] >= mean:
            before, heavy, long = blocks.pop()
            mean = (before * heavy + mean * total) / (heavy + total)
            total, length = total + heavy, length + long
        blocks.append((mean, total, length))
    return np.repeat([mean for mean, _, _ in blocks], [length for _, _, length in blocks])
