"""The threshold above which a score counts as present, chosen on `tune`.

A threshold lies midway between two neighbouring scores of `tune`, so that rounding (float32 here, another
processor there) cannot turn a decision; above the highest and below the lowest score it lies midway to
1 and to 0. A score at or above it is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from overread.bundle.manifest import OperatingPoint, Task
from overread.errors import EvaluationError
from overread.evaluation.metrics import scored
from overread.evaluation.statistics import Array, ratio

Rule = Mapping[str, float | bool]
DEFAULT_RULE: Rule = {"sensitivity": 0.95}
_ROUNDING = 1e-9  # 19 of 20 positives are a sensitivity of 0.95, whatever 19 / 20 is in binary


def choose_operating_point(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    rule: Rule = DEFAULT_RULE,
    class_name: str = "",
    split: str = "tune",
) -> OperatingPoint:
    """Choose one threshold.

    Args:
        labels: float [n], 1 present, 0 absent, NaN not stated.
        scores: float [n], 0..1, calibrated.
        rule: {"sensitivity": x}: the highest threshold with at least this sensitivity (the fewest false
            alarms); {"specificity": x}: the lowest with at least this specificity; {"youden": True}: the
            largest sensitivity + specificity - 1 (Youden, Cancer 1950), of equal ones the more sensitive.
        class_name: The finding; "" for the sum of the urgent classes of a multiclass task.
        split: Where labels and scores come from, for the rule's text.

    Raises:
        EvaluationError: The rule is unknown, or the labels lack the class that it speaks of.
    """
    kind, wanted = _read_rule(rule)
    truth, values = scored(labels, scores)
    stated = ~np.isnan(truth)
    truth, values = truth[stated], values[stated]
    positives, negatives = int((truth == 1).sum()), int((truth == 0).sum())
    _require(kind, positives=positives, negatives=negatives, class_name=class_name, split=split)
    thresholds = candidate_thresholds(values)
    sensitivity, specificity = rates_at(truth, values, thresholds=thresholds)
    if kind == "sensitivity":
        chosen = np.flatnonzero(sensitivity >= wanted - _ROUNDING)[-1]
        name, text = "high-sensitivity", f"sensitivity >= {wanted:g} on {split}"
    elif kind == "specificity":
        chosen = np.flatnonzero(specificity >= wanted - _ROUNDING)[0]
        name, text = "high-specificity", f"specificity >= {wanted:g} on {split}"
    else:
        index = sensitivity + specificity
        chosen = np.flatnonzero(index >= index.max() - _ROUNDING)[0]
        name, text = "youden", f"largest sensitivity + specificity on {split}"
    return OperatingPoint(
        name=name,
        class_name=class_name,
        threshold=float(thresholds[chosen]),
        rule=text,
        sensitivity=float(sensitivity[chosen]),
        specificity=float(specificity[chosen]),
        positives=positives,
        negatives=negatives,
    )


def choose_operating_points(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    task: Task,
    classes: Sequence[str],
    urgent: Sequence[str] = (),
    rule: Rule = DEFAULT_RULE,
    split: str = "tune",
) -> tuple[OperatingPoint, ...]:
    """The operating points of a bundle: one a class, or (multiclass) one on the sum of the urgent classes.

    Args:
        labels: float [n, classes].
        scores: float [n, classes], calibrated.
        task: "binary", "multiclass" or "multilabel".
        classes: Their names, in order.
        urgent: Classes whose presence needs a physician. A multilabel class that is not among them and
            that the rule cannot serve (no positives on tune) is left out.
        rule: See `choose_operating_point`.
        split: Where labels and scores come from, for the rules' texts.
    """
    truth, values = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if task == "multiclass":
        if not urgent:
            return ()
        grouped = urgent_sum(truth, classes=classes, urgent=urgent)
        summed = urgent_sum(values, classes=classes, urgent=urgent)
        return (choose_operating_point(grouped, summed, rule=rule, split=split),)
    points = []
    for index, name in enumerate(classes):
        try:
            points.append(
                choose_operating_point(
                    truth[:, index], values[:, index], rule=rule, class_name=name, split=split
                )
            )
        except EvaluationError:
            if task == "binary" or name in urgent:
                raise
    return tuple(points)


def urgent_sum(values: ArrayLike, *, classes: Sequence[str], urgent: Sequence[str]) -> Array:
    """Sum over the urgent classes, [n, classes] → [n]: of labels, whether urgent; of scores, how likely."""
    columns = [index for index, name in enumerate(classes) if name in set(urgent)]
    total: Array = np.asarray(values, np.float64)[:, columns].sum(axis=1)
    return np.minimum(total, 1.0)


def candidate_thresholds(scores: Array) -> Array:
    """Every threshold that decides differently, from low (calls all) to high (calls none)."""
    levels = np.unique(scores)
    if not levels.size:
        return np.array([0.5])
    between = (levels[1:] + levels[:-1]) / 2
    top = (levels[-1] + 1) / 2 if levels[-1] < 1 else np.nextafter(1.0, 2.0)
    return np.concatenate([[levels[0] / 2], between, [top]])


def rates_at(labels: Array, scores: Array, *, thresholds: Array) -> tuple[Array, Array]:
    """Sensitivity and specificity at each threshold, [thresholds] each; NaN without that class."""
    positives, negatives = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    called = positives.size - np.searchsorted(positives, thresholds, side="left")
    passed = np.searchsorted(negatives, thresholds, side="left")
    return (
        ratio(called.astype(float), np.full(called.shape, float(positives.size))),
        ratio(passed.astype(float), np.full(passed.shape, float(negatives.size))),
    )


def _read_rule(rule: Rule) -> tuple[str, float]:
    if len(rule) == 1:
        [(kind, wanted)] = rule.items()
        if kind == "youden" and wanted is True:
            return kind, 0.0
        if kind in ("sensitivity", "specificity") and not isinstance(wanted, bool) and 0 < wanted <= 1:
            return kind, float(wanted)
    raise EvaluationError(
        f"expected a rule such as {{'sensitivity': 0.95}}, {{'specificity': 0.9}} or {{'youden': True}}, got "
        f"{dict(rule)}",
        where="operating point",
    )


def _require(kind: str, *, positives: int, negatives: int, class_name: str, split: str) -> None:
    finding = f"'{class_name}'" if class_name else "an urgent class"
    for missing, side in ((positives == 0, "with"), (negatives == 0, "without")):
        needed = kind == "youden" or (kind == "sensitivity") == (side == "with")
        if missing and needed:
            raise EvaluationError(
                f"expected images {side} {finding} on {split}, got none",
                where="operating point",
                todo=f"move some to {split}, or choose another rule",
            )
