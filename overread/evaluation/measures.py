"""Which figures an evaluation reports, each as a statistic beside its baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overread.bundle.manifest import ManifestDraft
from overread.bundle.triage import DECISIONS, called
from overread.errors import EvaluationError
from overread.evaluation import confusion as cf
from overread.evaluation import metrics as mt
from overread.evaluation import statistics as st
from overread.evaluation.clinical_figures import Scored
from overread.evaluation.drawn import Mask as Mask
from overread.evaluation.join import JoinedReadings
from overread.evaluation.operating import urgent_sum
from overread.evaluation.statistics import Array, Statistic

CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Measure:
    """How one figure comes about.

    Attributes:
        statistic: Its definition; None for a figure that follows from others: `roc_auc` and
            `average_precision` from their group's ranking, a mean over the findings from `members`.
        baseline: What the prevalence alone would reach.
        whole: For a proportion, the images of its denominator, bool [n].
        members: Figures whose mean it is, those left out that are undefined on all images.
    """

    statistic: Statistic | None = None
    baseline: float = np.nan
    whole: Mask | None = None
    members: tuple[str, ...] = ()


def all_measures(joined: JoinedReadings, *, manifest: ManifestDraft) -> dict[str, Measure]:
    """Every figure of an evaluation: "finding/0/roc_auc", "overall/accuracy", "triage/sensitivity", …"""
    labels, scores, task = joined.labels, joined.scores, manifest.task
    groups: dict[str, dict[str, Measure]] = {}
    for index, name in enumerate(manifest.classes):
        truth, values = labels[:, index], scores[:, index]
        one = _score_measures(truth, values)
        threshold = threshold_of(manifest, name)
        if not np.isnan(threshold):
            one |= _decision_measures(truth, values >= threshold)
        if task == "multiclass":
            recall = mt.recall_multiclass_of(labels, scores, index=index)
            one["recall"] = Measure(recall, whole=truth == 1)
            precision = cf.precision_multiclass_of(labels, scores, index=index)
            one["precision"] = Measure(precision, float(np.nanmean(truth)), whole=precision.sums[:, 1] == 1)
        groups[f"finding/{index}"] = one
    if task == "multiclass":
        groups["overall"] = _multiclass_measures(labels, scores) | _macro(
            groups, ("roc_auc", "average_precision")
        )
    elif task == "multilabel":
        names = dict.fromkeys(name for one in groups.values() for name in one)
        groups["overall"] = _macro(groups, tuple(names))
    if manifest.triage.urgent:
        truth, urgent = urgent_truth(labels, manifest=manifest), called_urgent(scores, manifest=manifest)
        _check_decisions(joined, urgent)
        groups["triage"] = _decision_measures(truth, urgent) | _share_measures(truth, joined.decisions)
        if task == "multiclass":
            groups["triage"] |= _score_measures(truth, urgent_scores(scores, manifest=manifest))
    return {f"{group}/{name}": one for group, members in groups.items() for name, one in members.items()}


def _score_measures(truth: Array, scores: Array) -> dict[str, Measure]:
    stated, present = ~np.isnan(truth), truth == 1
    rate = float(present.sum() / stated.sum()) if stated.any() else np.nan
    mixed = 0 < rate < 1
    ece = st.calibration_error_of(truth, scores, bins=CALIBRATION_BINS, strategy="uniform")
    return {
        "prevalence": Measure(st.share_of(present, stated), whole=stated),
        "roc_auc": Measure(baseline=0.5 if mixed else np.nan),
        "average_precision": Measure(baseline=rate if rate > 0 else np.nan),
        "brier": Measure(st.brier_of(truth, scores), rate * (1 - rate)),
        "calibration_error": Measure(ece, 0.0 if stated.any() else np.nan),
        "log_loss": Measure(st.log_loss_of(truth, scores), _entropy(np.array([rate, 1 - rate]))),
    }


def _decision_measures(truth: Array, called: Mask) -> dict[str, Measure]:
    stated, present, absent = ~np.isnan(truth), truth == 1, truth == 0
    rate = float(present.sum() / stated.sum()) if stated.any() else np.nan
    balanced = 0.5 if 0 < rate < 1 else np.nan
    return {
        "sensitivity": Measure(st.sensitivity_of(truth, called), whole=present),
        "specificity": Measure(st.specificity_of(truth, called), whole=absent),
        "ppv": Measure(st.ppv_of(truth, called), rate, whole=stated & called),
        "npv": Measure(st.npv_of(truth, called), 1 - rate, whole=stated & ~called),
        "f1": Measure(st.f1_of(truth, called)),
        "accuracy": Measure(st.accuracy_of(truth, called), max(rate, 1 - rate), whole=stated),
        "balanced_accuracy": Measure(st.balanced_accuracy_of(truth, called), balanced),
        "mcc": Measure(st.mcc_of(truth, called), 0.0 if 0 < rate < 1 else np.nan),
    }


def _share_measures(truth: Array, decisions: NDArray[np.str_]) -> dict[str, Measure]:
    measures = {"cannot_assess": _proportion(decisions == "cannot-assess", np.ones(len(truth), np.bool_))}
    for side, here in (("present", truth == 1), ("absent", truth == 0)):
        for decision in DECISIONS:
            measures[f"{decision.replace('-', '_')}_if_{side}"] = _proportion(decisions == decision, here)
    return measures


def _proportion(part: Mask, whole: Mask) -> Measure:
    return Measure(st.share_of(part & whole, whole), whole=whole)


def _multiclass_measures(labels: Array, scores: Array) -> dict[str, Measure]:
    right, confidence = mt.top_label(labels, scores)
    stated = ~np.isnan(right)
    shares = labels[stated].mean(axis=0)
    present = int((shares > 0).sum())
    ece = st.calibration_error_of(right, confidence, bins=CALIBRATION_BINS, strategy="uniform")
    return {
        "accuracy": Measure(st.share_of(right == 1, stated), float(shares.max()), whole=stated),
        "balanced_accuracy": Measure(
            mt.balanced_accuracy_multiclass_of(labels, scores), 1 / present if present > 1 else np.nan
        ),
        "macro_f1": Measure(cf.macro_f1_of(labels, scores)),
        "kappa": Measure(cf.kappa_of(labels, scores), 0.0 if present > 1 else np.nan),
        "mcc": Measure(cf.mcc_multiclass_of(labels, scores), 0.0 if present > 1 else np.nan),
        "brier": Measure(mt.brier_multiclass_of(labels, scores), float(1 - (shares**2).sum())),
        "calibration_error": Measure(ece, 0.0),
        "log_loss": Measure(mt.log_loss_multiclass_of(labels, scores), _entropy(shares)),
    }


def _macro(groups: Mapping[str, Mapping[str, Measure]], names: Sequence[str]) -> dict[str, Measure]:
    return {
        name: Measure(
            members=tuple(f"{group}/{name}" for group, members in groups.items() if name in members)
        )
        for name in names
    }


def all_scored(joined: JoinedReadings, *, manifest: ManifestDraft) -> dict[str, Scored]:
    """Truth, score and threshold of each group of figures that ranks: "finding/0", …, "triage"."""
    found = {
        f"finding/{index}": Scored(
            joined.labels[:, index], joined.scores[:, index], threshold_of(manifest, name)
        )
        for index, name in enumerate(manifest.classes)
    }
    if manifest.task == "multiclass" and manifest.triage.urgent:
        truth = urgent_truth(joined.labels, manifest=manifest)
        summed = urgent_scores(joined.scores, manifest=manifest)
        found["triage"] = Scored(truth, summed, threshold_of(manifest, ""))
    return found


def called_urgent(scores: Array, *, manifest: ManifestDraft) -> Mask:
    """Whether an urgent class reaches its operating point, whatever the novelty: bool [n]."""
    return np.asarray(called(scores, manifest=manifest).any(axis=1), np.bool_)


def urgent_truth(labels: Array, *, manifest: ManifestDraft) -> Array:
    """1 where an urgent class is present, 0 where all are absent, NaN where that is not known: [n]."""
    columns = [manifest.classes.index(name) for name in manifest.triage.urgent]
    chosen = labels[:, columns]
    present, unknown = (chosen == 1).any(axis=1), np.isnan(chosen).any(axis=1)
    return np.where(present, 1.0, np.where(unknown, np.nan, 0.0))


def urgent_scores(scores: Array, *, manifest: ManifestDraft) -> Array:
    """Sum of the urgent classes' scores, [n]: how likely a multiclass image is urgent."""
    return urgent_sum(scores, classes=manifest.classes, urgent=manifest.triage.urgent)


def threshold_of(manifest: ManifestDraft, class_name: str) -> float:
    """The threshold that decides for a class ("" for the urgent sum of a multiclass); NaN without one."""
    points = (point.threshold for point in manifest.operating_points if point.class_name == class_name)
    return next(points, np.nan)


def _entropy(shares: Array) -> float:
    """Log loss, in nats, of a reader that gives every image these shares; 0 log 0 is 0."""
    if np.isnan(shares).any():
        return np.nan
    some = shares[shares > 0]
    return abs(float((some * np.log(some)).sum()))


def _check_decisions(joined: JoinedReadings, called: Mask) -> None:
    expected = np.where(called, "urgent", "routine")
    odd = np.flatnonzero((joined.decisions != "cannot-assess") & (joined.decisions != expected))
    if odd.size:
        first = int(odd[0])
        raise EvaluationError(
            f"the reading says {joined.decisions[first]}, the bundle's operating point {expected[first]}"
            f" ({odd.size} such images)",
            where=f"image '{joined.image_id[first]}'",
            todo="read the images anew with this bundle",
        )
