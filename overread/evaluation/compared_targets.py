"""On what readers are compared: each score, each decision and each mean as a statistic a reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from overread.evaluation import metrics as mt
from overread.evaluation import statistics as st
from overread.evaluation.comparison import ComparedTarget, TargetKind
from overread.evaluation.figures import NAN
from overread.evaluation.measures import CALIBRATION_BINS
from overread.evaluation.operating import urgent_sum
from overread.evaluation.results import Evaluation
from overread.evaluation.statistics import Array, Statistic

URGENT, ALL = "urgent", "all classes"


@dataclass(frozen=True)
class View:
    """One reader's side of a target.

    Attributes:
        threshold: Of its decisions; NaN where there is none, or several.
        scores: float64 [n]; None where the target has no single score.
        called: bool [n], its decisions; None where it makes none. Of "all classes": whether the class with
            the highest score is the true one.
        statistics: Its figures by name, without the ROC area of a single score, which needs no resampling.
        area: That area, where a mean over findings resamples it all the same.
        means: Figures that are means over other targets: name → the targets.
    """

    threshold: float
    scores: Array | None
    called: NDArray[np.bool_] | None
    statistics: Mapping[str, Statistic]
    area: Statistic | None = None
    means: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def resampled(self) -> tuple[str, ...]:
        """The figures whose intervals come from resamples."""
        return (*self.statistics, *self.means)


@dataclass(frozen=True)
class Target:
    """What is compared, and each reader's side of it.

    Attributes:
        shown: Its name and counts.
        truth: float64 [n], 1, 0, NaN not stated; of "all classes" 1 wherever the label is stated, so that to
            be called is to be right.
        views: One a reader.
    """

    shown: ComparedTarget
    truth: Array
    views: tuple[View, ...]


def all_targets(
    evaluations: Sequence[Evaluation], labels: Array, scores: Sequence[Array], *, urgent: Sequence[str]
) -> list[Target]:
    """Every target of readers that have the same task and classes.

    Args:
        evaluations: One a reader, for its thresholds.
        labels: float64 [n, classes].
        scores: float64 [n, classes] a reader.
        urgent: The urgent classes; none leaves out what is asked of them.
    """
    task, classes = evaluations[0].task, evaluations[0].classes
    targets = []
    if task != "binary" and urgent:
        targets.append(_urgent(evaluations, labels, scores, urgent=urgent))
    for index, name in enumerate(classes):
        truth = labels[:, index]
        views = [
            _scored(truth, values[:, index], threshold=one.findings[index].threshold)
            for one, values in zip(evaluations, scores, strict=True)
        ]
        if task == "multilabel":
            scored = zip(views, scores, strict=True)
            views = [replace(one, area=st.roc_auc_of(truth, values[:, index])) for one, values in scored]
        targets.append(_target(name, "finding", truth, views))
    if task == "multiclass":
        stated = np.where(np.isnan(labels).any(axis=1), np.nan, 1.0)
        targets.append(_target(ALL, "all", stated, [_highest(labels, values) for values in scores]))
    elif task == "multilabel":
        stated = np.where(np.isnan(labels).all(axis=1), np.nan, 1.0)
        targets.append(_target(ALL, "all", stated, [_means(labels, classes)] * len(scores)))
    return targets


def _target(name: str, kind: TargetKind, truth: Array, views: Sequence[View]) -> Target:
    counts = {"positives": int((truth == 1).sum()), "negatives": int((truth == 0).sum())}
    return Target(ComparedTarget(name=name, kind=kind, **counts), truth, tuple(views))


def _urgent(
    evaluations: Sequence[Evaluation], labels: Array, scores: Sequence[Array], *, urgent: Sequence[str]
) -> Target:
    task, classes = evaluations[0].task, evaluations[0].classes
    columns = [classes.index(name) for name in urgent]
    chosen = labels[:, columns]
    unknown = np.isnan(chosen).any(axis=1)
    truth = np.where((chosen == 1).any(axis=1), 1.0, np.where(unknown, np.nan, 0.0))
    views = []
    for one, values in zip(evaluations, scores, strict=True):
        if task == "multiclass":
            threshold = one.triage.threshold if one.triage else NAN
            views.append(
                _scored(truth, urgent_sum(values, classes=classes, urgent=urgent), threshold=threshold)
            )
        else:
            # A class without a threshold calls nothing: nothing is ≥ NaN.
            thresholds = np.array([one.findings[index].threshold for index in columns])
            called = np.any(values[:, columns] >= thresholds, axis=1)
            views.append(View(NAN, None, called, _decisions(truth, called)))
    return _target(URGENT, "urgent", truth, views)


def _scored(truth: Array, scores: Array, *, threshold: float) -> View:
    statistics: dict[str, Statistic] = {
        "average_precision": st.average_precision_of(truth, scores),
        "brier": st.brier_of(truth, scores),
        "log_loss": st.log_loss_of(truth, scores),
        "calibration_error": st.calibration_error_of(
            truth, scores, bins=CALIBRATION_BINS, strategy="uniform"
        ),
    }
    if np.isnan(threshold):
        return View(NAN, scores, None, statistics)
    called = scores >= threshold
    return View(threshold, scores, called, _decisions(truth, called) | statistics)


def _decisions(truth: Array, called: NDArray[np.bool_]) -> dict[str, Statistic]:
    return {
        "sensitivity": st.sensitivity_of(truth, called),
        "specificity": st.specificity_of(truth, called),
        "accuracy": st.accuracy_of(truth, called),
    }


def _highest(labels: Array, scores: Array) -> View:
    """Multiclass: the class with the highest score."""
    right, confidence = mt.top_label(labels, scores)
    ece = st.calibration_error_of(right, confidence, bins=CALIBRATION_BINS, strategy="uniform")
    statistics: dict[str, Statistic] = {
        "accuracy": st.share_of(right == 1, ~np.isnan(right)),
        "balanced_accuracy": mt.balanced_accuracy_multiclass_of(labels, scores),
        "brier": mt.brier_multiclass_of(labels, scores),
        "log_loss": mt.log_loss_multiclass_of(labels, scores),
        "calibration_error": ece,
    }
    return View(NAN, None, right == 1, statistics)


def _means(labels: Array, classes: Sequence[str]) -> View:
    """Multilabel: means over the findings that have images with and without them."""
    both = tuple(
        name for k, name in enumerate(classes) if {0.0, 1.0} <= set(np.unique(labels[:, k]).tolist())
    )
    names = ("roc_auc", "average_precision", "brier", "log_loss")
    return View(NAN, None, None, {}, means=dict.fromkeys(names, both))
