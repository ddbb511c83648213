"""From one score's draws to what a clinic asks of it (`overread.evaluation.clinical.Clinical`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overread.evaluation.asked import Asked
from overread.evaluation.clinical import Clinical, FixedPoint, NetBenefit, PredictiveValue, Sweep
from overread.evaluation.curves import BAND_RATES
from overread.evaluation.drawn import Drawn
from overread.evaluation.net_benefit import decision_curve, net_benefits_of
from overread.evaluation.operating import candidate_thresholds, rates_at
from overread.evaluation.prevalence import npv_at_of, ppv_at_of
from overread.evaluation.ranking import ranking_of
from overread.evaluation.weighted import Array, Statistic

DECISION_GRID: Array = np.linspace(0.01, 0.99, 50)
"""Threshold probabilities of the decision curve of an evaluation."""
MOST_THRESHOLDS = 200
_FIRST_FIXED = 2 + BAND_RATES.size  # columns of `ranking_of` before the fixed points


@dataclass(frozen=True)
class Scored:
    """One score against one truth.

    Attributes:
        truth: float64 [n], 1 present, 0 absent, NaN not stated.
        scores: float64 [n], 0..1.
        threshold: That decides; NaN where none does.
    """

    truth: Array
    scores: Array
    threshold: float


def ranking_statistic(one: Scored, *, asked: Asked) -> Statistic:
    """ROC-AUC, average precision, ROC curve and fixed points together."""
    return ranking_of(
        one.truth,
        one.scores,
        false_positive_rates=BAND_RATES,
        specificities=asked.specificities,
        sensitivities=asked.sensitivities,
    )


def clinical_statistics(group: str, one: Scored, *, asked: Asked) -> dict[str, Statistic]:
    """What must be drawn for `clinical_of`, beside the group's "ranking"."""
    benefits = net_benefits_of(one.truth, one.scores, thresholds=DECISION_GRID)
    found: dict[str, Statistic] = {f"{group}/net_benefit": benefits}
    if not np.isnan(one.threshold):
        found |= predictive_statistics(group, one.truth, one.scores >= one.threshold, asked=asked)
    return found


def predictive_statistics(
    group: str, truth: Array, called: NDArray[np.bool_], *, asked: Asked
) -> dict[str, Statistic]:
    """Predictive values at the asked prevalences."""
    found: dict[str, Statistic] = {}
    for rate in asked.prevalences:
        found[f"{group}/ppv at {rate}"] = ppv_at_of(truth, called, prevalence=rate)
        found[f"{group}/npv at {rate}"] = npv_at_of(truth, called, prevalence=rate)
    return found


def clinical_of(group: str, one: Scored, *, drawn: Drawn, asked: Asked) -> Clinical:
    """All that a clinic asks of one score."""
    return Clinical(
        sweep=sweep_of(one),
        fixed=_fixed_points(group, one, drawn=drawn, asked=asked),
        predictive=predictive_values(group, drawn=drawn, asked=asked),
        net_benefit=_net_benefit(group, one, drawn=drawn),
    )


def predictive_values(group: str, *, drawn: Drawn, asked: Asked) -> tuple[PredictiveValue, ...]:
    """Predictive values at the asked prevalences; none where nothing decides."""
    return tuple(
        PredictiveValue(
            prevalence=rate,
            ppv=drawn.figure(f"{group}/ppv at {rate}", baseline=rate),
            npv=drawn.figure(f"{group}/npv at {rate}", baseline=1 - rate),
        )
        for rate in asked.prevalences
        if f"{group}/ppv at {rate}" in drawn.values
    )


def sweep_of(one: Scored) -> Sweep:
    """Sensitivity and specificity over thresholds, those that change least left out; empty if undefined.

    The threshold that decides is among them.
    """
    stated = ~np.isnan(one.truth)
    truth, scores = one.truth[stated], one.scores[stated]
    if not (truth == 1).any() or not (truth == 0).any():
        return Sweep()
    thresholds = candidate_thresholds(scores)
    room = MOST_THRESHOLDS - (not np.isnan(one.threshold))
    if thresholds.size > room:
        sensitivity, specificity = rates_at(truth, scores, thresholds=thresholds)
        # Even steps along the ROC curve: as many where sensitivity falls as where specificity rises.
        way = specificity - sensitivity
        steps = np.searchsorted(way, np.linspace(way[0], way[-1], room))
        thresholds = thresholds[np.unique(steps)]
    if not np.isnan(one.threshold):
        thresholds = np.unique(np.append(thresholds, one.threshold))
    sensitivity, specificity = rates_at(truth, scores, thresholds=thresholds)
    return Sweep(threshold=tuple(thresholds), sensitivity=tuple(sensitivity), specificity=tuple(specificity))


def _fixed_points(group: str, one: Scored, *, drawn: Drawn, asked: Asked) -> tuple[FixedPoint, ...]:
    stated = ~np.isnan(one.truth)
    truth, scores = one.truth[stated], one.scores[stated]
    thresholds = candidate_thresholds(scores)
    sensitivity, specificity = rates_at(truth, scores, thresholds=thresholds)
    present, absent = one.truth == 1, one.truth == 0
    points = []
    column = _FIRST_FIXED
    for at in asked.specificities:
        found = thresholds[specificity >= at - 1e-9]
        other = drawn.figure(f"{group}/ranking", column, whole=present, baseline=1 - at)
        threshold = float(found[0]) if found.size and not np.isnan(other.value) else np.nan
        points.append(FixedPoint(held="specificity", at=at, threshold=threshold, other=other))
        column += 1
    for at in asked.sensitivities:
        found = thresholds[sensitivity >= at - 1e-9]
        other = drawn.figure(f"{group}/ranking", column, whole=absent, baseline=1 - at)
        threshold = float(found[-1]) if found.size and not np.isnan(other.value) else np.nan
        points.append(FixedPoint(held="sensitivity", at=at, threshold=threshold, other=other))
        column += 1
    return tuple(points)


def _net_benefit(group: str, one: Scored, *, drawn: Drawn) -> NetBenefit:
    low, high = drawn.band(f"{group}/net_benefit")
    if not low.size:
        return NetBenefit()
    curve = decision_curve(one.truth, one.scores, thresholds=DECISION_GRID)
    return NetBenefit(
        threshold=tuple(curve.thresholds),
        reader=tuple(curve.reader),
        low=tuple(low),
        high=tuple(high),
        everyone=tuple(curve.everyone),
    )
