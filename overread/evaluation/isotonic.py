"""Isotonic calibration: the share of positives as a rising function of the logit, without steps.

Plain isotonic regression gives whole blocks of images one score, so that images which were ranked are tied
and the ROC area drops. Centred isotonic regression (Oron & Flournoy, Stat. Biopharm. Res. 2017;9:258) keeps
of each block its mean logit and its share, and draws lines between them: strictly rising.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from overread.errors import EvaluationError
from overread.evaluation.weighted import Array

ENOUGH_IMAGES, ENOUGH_OF_EACH = 1000, 100
"""Below these an isotonic map follows chance (Niculescu-Mizil & Caruana, ICML 2005, found about 1,000)."""
_LEAST_SHARE = 0.02  # of the images, in a block: its share of positives is not a handful's
_LEAST_GAP = 0.05  # between knots, in standard deviations of the logits: a steeper line magnifies rounding
_TILT = 0.05  # how far the score still moves beyond the outer knots, of what is left to 0 and to 1


@dataclass(frozen=True)
class Isotonic:
    """A map from logits to scores, linear between its knots and flat outside.

    Attributes:
        logits: float64 [knots], rising.
        scores: float64 [knots], rising, inside 0..1.
    """

    logits: Array
    scores: Array

    def __call__(self, logits: ArrayLike) -> Array:
        """Scores float64 of logits of any shape."""
        return np.asarray(np.interp(np.asarray(logits, np.float64), self.logits, self.scores), np.float64)

    def undone(self, scores: ArrayLike) -> Array:
        """Logits float64 behind scores of any shape; beyond the outer knots that of the knot."""
        return np.asarray(np.interp(np.asarray(scores, np.float64), self.scores, self.logits), np.float64)


def fit_isotonic(logits: ArrayLike, labels: ArrayLike) -> Isotonic:
    """Fit by pooling neighbours that fall (Zadrozny & Elkan, KDD 2002; Ayer et al., Ann. Math. Stat. 1955).

    Shares of 0 and 1 are drawn in to Platt's targets, 1 / (negatives + 2) and (positives + 1) /
    (positives + 2): a few images do not show that the finding never, or always, is there. Blocks of less than
    2 % of the images, or nearer to each other than 0.05 standard deviations, are pooled too. The lines
    beyond the outer blocks tilt by 5 %, so that images there stay ranked.

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
    block = np.cumsum(np.append(0, np.diff(shares) > 0))
    weight: Array = np.bincount(block, weights=images).astype(np.float64)
    middle = np.bincount(block, weights=images * levels) / weight
    share = np.bincount(block, weights=images * shares) / weight
    x, y = _pooled(middle, share, weight, gap=_LEAST_GAP * float(values.std()))
    y = np.clip(y, 1 / (negatives + 2), (positives + 1) / (positives + 2))
    span = float(levels[-1] - levels[0]) or 1.0
    return Isotonic(
        logits=np.concatenate([[levels[0] - span], x, [levels[-1] + span]]),
        scores=np.concatenate([[y[0] * (1 - _TILT)], y, [y[-1] + _TILT * (1 - y[-1])]]),
    )


def enough_for_isotonic(labels: ArrayLike) -> bool:
    """Whether there are images enough, and of either kind: float [n], 1, 0, NaN not stated."""
    truth = np.asarray(labels, np.float64)
    positives, negatives = int((truth == 1).sum()), int((truth == 0).sum())
    return positives + negatives >= ENOUGH_IMAGES and min(positives, negatives) >= ENOUGH_OF_EACH


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


def _pooled(x: Array, y: Array, weight: Array, *, gap: float) -> tuple[Array, Array]:
    """Neighbouring blocks joined until each is heavy enough and far enough from the one before."""
    least = _LEAST_SHARE * float(weight.sum())
    kept: list[tuple[float, float, float]] = []
    for one in zip(x.tolist(), y.tolist(), weight.tolist(), strict=True):
        block = one
        while kept and (kept[-1][2] < least or block[0] - kept[-1][0] < gap):
            block = _joined(kept.pop(), block)
        kept.append(block)
    if len(kept) > 1 and kept[-1][2] < least:
        last = kept.pop()
        kept.append(_joined(kept.pop(), last))
    return np.array([one[0] for one in kept]), np.array([one[1] for one in kept])


def _joined(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float, float]:
    heavy = one[2] + other[2]
    x, y = ((a * one[2] + b * other[2]) / heavy for a, b in zip(one[:2], other[:2], strict=True))
    return x, y, heavy
