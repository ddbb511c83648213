"""Figures of a reader as pure functions of labels and scores.

Everywhere: `labels` float [n], 1 present, 0 absent, NaN not stated (left out); `scores` float [n], 0..1,
higher for present; `called` bool [n], whether the decision was "present". A figure that the data do not
define (no positives, say) is NaN, never 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from overread.errors import EvaluationError
from overread.evaluation import statistics as st
from overread.evaluation.statistics import Array, Binning, Statistic

__all__ = [
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "balanced_accuracy_multiclass",
    "brier",
    "brier_multiclass",
    "calibration_error_multiclass",
    "confusion",
    "expected_calibration_error",
    "f1",
    "log_loss",
    "log_loss_multiclass",
    "macro_mean",
    "mcc",
    "npv",
    "ppv",
    "roc_auc",
    "sensitivity",
    "specificity",
]


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve, ties counted half; NaN without positives or without negatives.

    Example:
        >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
    """
    return _plain(st.roc_auc_of(*scored(labels, scores)), labels)


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the precision-recall curve as average precision; NaN without positives.

    Example:
        >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 3)
        0.833
    """
    return _plain(st.average_precision_of(*scored(labels, scores)), labels)


def accuracy(labels: ArrayLike, called: ArrayLike) -> float:
    """Share of images decided rightly; NaN without labels."""
    return _plain(st.accuracy_of(*decided(labels, called)), labels)


def balanced_accuracy(labels: ArrayLike, called: ArrayLike) -> float:
    """Mean of sensitivity and specificity; NaN where either is."""
    return _plain(st.balanced_accuracy_of(*decided(labels, called)), labels)


def sensitivity(labels: ArrayLike, called: ArrayLike) -> float:
    """Share of positives that were called (recall); NaN without positives.

    Example:
        >>> sensitivity([1, 1, 0, float("nan")], [True, False, True, True])
        0.5
    """
    return _plain(st.sensitivity_of(*decided(labels, called)), labels)


def specificity(labels: ArrayLike, called: ArrayLike) -> float:
    """Share of negatives that were not called; NaN without negatives."""
    return _plain(st.specificity_of(*decided(labels, called)), labels)


def ppv(labels: ArrayLike, called: ArrayLike) -> float:
    """Positive predictive value (precision); NaN where nothing was called."""
    return _plain(st.ppv_of(*decided(labels, called)), labels)


def npv(labels: ArrayLike, called: ArrayLike) -> float:
    """Negative predictive value; NaN where everything was called."""
    return _plain(st.npv_of(*decided(labels, called)), labels)


def f1(labels: ArrayLike, called: ArrayLike) -> float:
    """2 TP / (2 TP + FP + FN); NaN where there is neither a positive nor a call."""
    return _plain(st.f1_of(*decided(labels, called)), labels)


def mcc(labels: ArrayLike, called: ArrayLike) -> float:
    """Correlation of decision and truth, -1..1 (Matthews 1975); NaN where either is always the same."""
    return _plain(st.mcc_of(*decided(labels, called)), labels)


def brier(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean squared difference of score and label, 0 (perfect) .. 1; NaN without labels."""
    return _plain(st.brier_of(*scored(labels, scores)), labels)


def log_loss(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean negative log likelihood in nats; NaN without labels."""
    return _plain(st.log_loss_of(*scored(labels, scores)), labels)


def expected_calibration_error(
    labels: ArrayLike, scores: ArrayLike, *, bins: int = 10, strategy: Binning = "uniform"
) -> float:
    """Mean distance between score and share of positives over bins, weighted by their counts.

    Args:
        labels: [n].
        scores: [n].
        bins: How many bins.
        strategy: "uniform" for bins of equal width over 0..1, "quantile" for about equal counts.

    Source: Naeini, Cooper & Hauskrecht, AAAI 2015. It is biased upwards on small sets.
    """
    if bins < 1:
        raise EvaluationError(f"expected `bins` to be at least 1, got {bins}")
    return _plain(st.calibration_error_of(*scored(labels, scores), bins=bins, strategy=strategy), labels)


def brier_multiclass(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean over images of the squared distance between the score vector and the true class, 0..2."""
    return _plain(brier_multiclass_of(*classified(labels, scores)), labels)


def log_loss_multiclass(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean of -log(score of the true class), in nats; labels and scores [n, classes]."""
    return _plain(log_loss_multiclass_of(*classified(labels, scores)), labels)


def calibration_error_multiclass(
    labels: ArrayLike, scores: ArrayLike, *, bins: int = 10, strategy: Binning = "uniform"
) -> float:
    """Calibration error of the highest score as the probability that its class is right (Guo et al. 2017)."""
    right, confidence = top_label(*classified(labels, scores))
    return expected_calibration_error(right, confidence, bins=bins, strategy=strategy)


def balanced_accuracy_multiclass(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean recall of the classes that have images; NaN where fewer than two have.

    Args:
        labels: [n, classes], one 1 a row; a row with NaN is left out.
        scores: [n, classes]; the highest one is the decision.
    """
    return _plain(balanced_accuracy_multiclass_of(*classified(labels, scores)), labels)


def macro_mean(values: ArrayLike) -> float:
    """Mean of the classes that have a value; NaN where none has. Say which classes were left out.

    Example:
        >>> macro_mean([0.8, float("nan"), 0.6])
        0.7
    """
    array = np.asarray(values, np.float64)
    kept = array[~np.isnan(array)]
    return float(kept.mean()) if kept.size else float("nan")


def confusion(truth: ArrayLike, decision: ArrayLike, *, rows: int, columns: int) -> NDArray[np.int64]:
    """Counts int64 [rows, columns] of truth (row index) against decision (column index)."""
    table = np.zeros((rows, columns), np.int64)
    np.add.at(table, (np.asarray(truth, np.intp), np.asarray(decision, np.intp)), 1)
    return table


def brier_multiclass_of(labels: Array, scores: Array) -> Statistic:
    """The statistic behind `brier_multiclass`."""
    stated = ~np.isnan(labels).any(axis=1)
    return st.share_of(np.where(stated, ((scores - labels) ** 2).sum(axis=1), 0.0), stated)


def log_loss_multiclass_of(labels: Array, scores: Array) -> Statistic:
    """The statistic behind `log_loss_multiclass`."""
    stated = ~np.isnan(labels).any(axis=1)
    eps = float(np.finfo(np.float32).eps)
    loss = -(np.where(labels == 1, np.log(np.clip(scores, eps, 1.0)), 0.0)).sum(axis=1)
    return st.share_of(np.where(stated, loss, 0.0), stated)


def recall_multiclass_of(labels: Array, scores: Array, *, index: int) -> Statistic:
    """Share of the images of class `index` whose highest score is that class's."""
    here = labels[:, index] == 1
    return st.share_of(here & (scores.argmax(axis=1) == index), here)


def balanced_accuracy_multiclass_of(labels: Array, scores: Array) -> Statistic:
    """The statistic behind `balanced_accuracy_multiclass`."""
    present = [index for index in range(labels.shape[1]) if (labels[:, index] == 1).any()]
    if len(present) < 2:
        return st.mean_of([])
    return st.mean_of([recall_multiclass_of(labels, scores, index=index) for index in present])


def top_label(labels: Array, scores: Array) -> tuple[Array, Array]:
    """Whether the highest score's class is right (1, 0, NaN where unlabelled), and that score: [n] each."""
    best = scores.argmax(axis=1)
    rows = np.arange(len(scores))
    right = np.where(np.isnan(labels).any(axis=1), np.nan, labels[rows, best])
    return right, scores[rows, best]


def scored(labels: ArrayLike, scores: ArrayLike) -> tuple[Array, Array]:
    """Check labels and scores of one class and return both as float64 [n]."""
    truth, values = _labels(labels), np.asarray(scores, np.float64)
    if truth.ndim != 1 or values.shape != truth.shape:
        raise EvaluationError(
            f"expected labels and scores of one length, got shapes {truth.shape} and {values.shape}"
        )
    _check_scores(values)
    return truth, values


def decided(labels: ArrayLike, called: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    """Check labels and decisions of one class and return them as float64 [n] and bool [n]."""
    truth, flags = _labels(labels), np.asarray(called)
    if truth.ndim != 1 or flags.shape != truth.shape:
        raise EvaluationError(
            f"expected labels and decisions of one length, got shapes {truth.shape} and {flags.shape}"
        )
    if flags.size and flags.dtype != np.bool_:
        raise EvaluationError(f"expected `called` to be of type bool, got {flags.dtype}")
    return truth, flags.astype(np.bool_)


def classified(labels: ArrayLike, scores: ArrayLike) -> tuple[Array, Array]:
    """Check labels and scores of a multiclass task and return both as float64 [n, classes]."""
    truth, values = _labels(labels), np.asarray(scores, np.float64)
    if truth.ndim != 2 or values.shape != truth.shape:
        raise EvaluationError(
            f"expected labels and scores [n, classes], got shapes {truth.shape} and {values.shape}"
        )
    stated = ~np.isnan(truth).any(axis=1)
    if (truth[stated].sum(axis=1) != 1).any():
        raise EvaluationError("expected exactly one class present in every row of a multiclass task")
    _check_scores(values)
    return truth, values


def _labels(labels: ArrayLike) -> Array:
    truth = np.asarray(labels, np.float64)
    odd = truth[~(np.isnan(truth) | (truth == 0) | (truth == 1))]
    if odd.size:
        raise EvaluationError(f"expected labels 0, 1 or NaN, got {odd.flat[0]:g}")
    return truth


def _check_scores(scores: Array) -> None:
    odd = scores[~((scores >= 0) & (scores <= 1 + 1e-6))]
    if odd.size:
        raise EvaluationError(f"expected scores between 0 and 1, got {odd.flat[0]:g}")


def _plain(statistic: Statistic, labels: ArrayLike) -> float:
    return float(statistic(np.ones((1, len(np.asarray(labels)))))[0])
