"""How good settings are by what they say of judged images, and what picking the best of many is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from overread.bundle.manifest import Task
from overread.evaluation.intervals import bootstrap, resample_weights
from overread.evaluation.ranking import average_precision_of, roc_auc_of
from overread.evaluation.statistics import log_loss_of
from overread.evaluation.weighted import Statistic, mean_of, share_of

Array = npt.NDArray[np.float64]
Metric = Literal["roc_auc", "average_precision", "log_loss"]
RESAMPLES = 500
_LEAST_CHANCE = 1e-12


@dataclass(frozen=True)
class Judged:
    """The images that all settings are judged on.

    Attributes:
        targets: `[n, classes]`, 1, 0, NaN not stated.
        groups: `[n]`, images of one patient share a number.
        folds: `[n]`, the outer fold of each with nested cross-validation; else zeros.
        task: Of the cohort.
        metric: What is measured.
    """

    targets: Array
    groups: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]
    task: Task
    metric: Metric

    @property
    def sign(self) -> float:
        """1 where more is better, -1 where less is."""
        return -1.0 if self.metric == "log_loss" else 1.0

    def value(self, logits: Array, rows: npt.NDArray[np.bool_] | None = None) -> float:
        """The metric of logits `[n, outputs]`, of some rows or all; NaN where no class defines it."""
        chosen = np.ones(len(logits), bool) if rows is None else rows
        statistic = statistic_of(self.targets[chosen], logits[chosen], task=self.task, metric=self.metric)
        return float(statistic(np.ones((1, int(chosen.sum()))))[0])

    def standard_error(self, logits: Array, *, seed: int) -> float:
        """The spread of the metric over resamples of patients; NaN where undefined in all."""
        statistic = statistic_of(self.targets, logits, task=self.task, metric=self.metric)
        draws = bootstrap({"it": statistic}, self.groups, resamples=RESAMPLES, seed=seed)["it"]
        defined = draws[~np.isnan(draws)]
        return float(defined.std(ddof=1)) if len(defined) > 1 else float("nan")


def statistic_of(targets: Array, logits: Array, *, task: Task, metric: Metric) -> Statistic:
    """The metric as a function of weights `[resamples, n]`: the mean over classes that have both kinds."""
    if metric == "log_loss":
        if task == "multiclass":
            peak = logits.max(1, keepdims=True)
            log_share = logits - peak - np.log(np.exp(logits - peak).sum(1, keepdims=True))
            losses = -log_share[np.arange(len(logits)), np.argmax(targets, 1)]
            return share_of(losses, np.ones(len(losses)))
        chances = np.clip(np.exp(-np.logaddexp(0, -logits)), _LEAST_CHANCE, 1 - _LEAST_CHANCE)
        parts: list[Statistic] = [
            log_loss_of(targets[:, at], chances[:, at])
            for at in range(targets.shape[1])
            if not np.isnan(targets[:, at]).all()
        ]
        return mean_of(parts)
    of = roc_auc_of if metric == "roc_auc" else average_precision_of
    scores = logits
    if task == "multiclass":
        shares = np.exp(logits - logits.max(1, keepdims=True))
        scores = shares / shares.sum(1, keepdims=True)
    both = [at for at in range(targets.shape[1]) if {0.0, 1.0} <= set(targets[:, at].tolist())]
    return mean_of([of(targets[:, at], scores[:, at]) for at in both])


def corrected_value(judged: Judged, logits: Sequence[Array], *, seed: int) -> float:
    """What the best of several settings is worth on patients by whom it was not chosen.

    Patients are resampled; the setting that is best on those drawn is measured on those left out, and this is
    averaged (bootstrap bias correction, Tsamardinos et al., Machine Learning 2018;107:1895).

    Args:
        judged: The images.
        logits: One `[n, outputs]` a setting.
        seed: Of the resamples.

    Returns:
        NaN where it is undefined in every resample.
    """
    statistics = [statistic_of(judged.targets, one, task=judged.task, metric=judged.metric) for one in logits]
    found: list[Array] = []
    for drawn in resample_weights(judged.groups, resamples=RESAMPLES, seed=seed):
        inside = judged.sign * np.stack([one(drawn) for one in statistics])
        outside = np.stack([one((drawn == 0).astype(np.float64)) for one in statistics])
        best = np.where(np.isnan(inside), -np.inf, inside).argmax(0)
        found.append(outside[best, np.arange(len(best))])
    values = np.concatenate(found)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


def nested_logits(judged: Judged, logits: Sequence[Array], inner: Sequence[Array]) -> Array:
    """What a search says of each outer fold that has not seen it, `[n, outputs]`.

    For each fold the setting is taken that is best by cross-validation among the other folds alone.

    Args:
        judged: The images with their folds.
        logits: One `[n, outputs]` a setting, each fold by heads fitted without it.
        inner: One `[folds, n, outputs]` a setting, see `overread.training.judge.Answers`.
    """
    said = np.full_like(logits[0], np.nan)
    for fold in range(int(judged.folds.max()) + 1):
        outside = judged.folds == fold
        values = np.array([judged.sign * judged.value(one[fold], ~outside) for one in inner])
        best = int(np.where(np.isnan(values), -np.inf, values).argmax())
        said[outside] = logits[best][outside]
    return said


def best_of(values: Mapping[int, float], *, sign: float) -> int | None:
    """The number with the best value, of equal ones the first; None where none is defined."""
    defined = {number: value for number, value in values.items() if not np.isnan(value)}
    return max(defined, key=lambda number: (sign * defined[number], -number)) if defined else None


def simplest_within(
    values: Mapping[int, float], changed: Mapping[int, int], *, best: int, error: float, sign: float
) -> int:
    """The number with the fewest changes whose value is within one standard error of the best.

    The one-standard-error rule (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3).

    Args:
        values: By number; NaN is never chosen.
        changed: How many keys each changes of the study.
        best: The number of the best.
        error: Its standard error; NaN: nothing else is as good.
        sign: 1 where more is better, -1 where less is.
    """
    if np.isnan(error):
        return best
    limit = sign * values[best] - error
    near = [number for number, value in values.items() if sign * value >= limit]
    return min(near, key=lambda number: (changed[number], -sign * values[number], number))
