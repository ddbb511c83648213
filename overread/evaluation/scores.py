"""Which scores a report speaks about: the one that decides, and each class's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from overread.evaluation.clinical import Clinical, FixedPoint, NetBenefit, PredictiveValue
from overread.evaluation.figures import Figure
from overread.evaluation.results import Curves, Evaluation, Finding

URGENT = "urgent"
"""What `evaluation.json` calls the decision between urgent and routine, and the score behind it."""


@dataclass(frozen=True)
class Score:
    """One score against one truth, with all that was found of it.

    Attributes:
        name: In words: "malignant", "mel or bcc".
        key: What subgroup tables and calibration results call it: a class's name, or "urgent".
        positives: Images with the finding.
        negatives: Images without it.
        threshold: Its operating point; NaN where it has none.
        figures: By name.
        curves: ROC, precision-recall, reliability, histogram.
        clinical: Sweep, fixed points, predictive values, net benefit.
    """

    name: str
    key: str
    positives: int
    negatives: int
    threshold: float
    figures: Mapping[str, Figure]
    curves: Curves
    clinical: Clinical

    @property
    def predictive(self) -> tuple[PredictiveValue, ...]:
        """Predictive values, where any is defined."""
        known = self.clinical.predictive
        return known if any(not np.isnan([one.ppv.value, one.npv.value]).all() for one in known) else ()

    @property
    def fixed(self) -> tuple[FixedPoint, ...]:
        """Rates held, where any is defined."""
        known = self.clinical.fixed
        return known if any(not np.isnan(one.other.value) for one in known) else ()

    @property
    def net_benefit(self) -> NetBenefit:
        """The decision curve; empty where there is nothing to find or nothing to spare."""
        return self.clinical.net_benefit if self.positives and self.negatives else NetBenefit()

    @property
    def prevalence(self) -> float:
        """Share of the images with the finding; NaN without images."""
        images = self.positives + self.negatives
        return self.positives / images if images else float("nan")


def main_score(evaluation: Evaluation, *, name: str) -> Score | None:
    """The score that decides: of the one finding (binary), of the urgent classes together (multiclass).

    Args:
        evaluation: What was found.
        name: What to call the finding, or the urgent classes together.

    Returns:
        None for multilabel, where each class decides for itself, and where no class is urgent.
    """
    if evaluation.task == "binary":
        return _of_finding(evaluation.findings[0])
    return urgent_decision(evaluation, name=name) if evaluation.task == "multiclass" else None


def urgent_decision(evaluation: Evaluation, *, name: str) -> Score | None:
    """Urgent or not, whatever the task; None where no class is urgent.

    Only a multiclass reader has one score for it, and so curves.
    """
    triage = evaluation.triage
    if triage is None:
        return None
    return Score(
        name=name,
        key=URGENT,
        positives=triage.positives,
        negatives=triage.negatives,
        threshold=triage.threshold,
        figures=triage.figures,
        curves=triage.curves,
        clinical=triage.clinical,
    )


def class_scores(evaluation: Evaluation) -> tuple[Score, ...]:
    """Each class against all images without it; none for binary, where that is the main score."""
    return () if evaluation.task == "binary" else tuple(_of_finding(one) for one in evaluation.findings)


def _of_finding(finding: Finding) -> Score:
    return Score(
        name=finding.name,
        key=finding.name,
        positives=finding.positives,
        negatives=finding.negatives,
        threshold=finding.threshold,
        figures=finding.figures,
        curves=finding.curves,
        clinical=finding.clinical,
    )
