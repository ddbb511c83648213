"""What a reader's scores mean, and what is decided from them: fitted on images that did not train it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from overread.bundle import OperatingPoint, TriageRule
from overread.bundle.manifest import ConformalRule, Task
from overread.evaluation import apply_calibration, calibrate, choose_operating_points, conformal_rule
from overread.evaluation.calibration_choice import Calibrated
from overread.study.settings import EvaluationTable

if TYPE_CHECKING:
    from overread.training import HeldOut

USUAL_COVERAGE = 0.9
"""Of the conformal rule that a report speaks of where none is asked for."""


@dataclass(frozen=True)
class ScoreRules:
    """What is fixed before test is read.

    Attributes:
        calibrated: From logits to scores, and why so.
        points: Operating points.
        conformal: With the coverage that is asked for, else `USUAL_COVERAGE`.
        in_force: Whether it is asked for.
        notes: Sentences that the report must show.
    """

    calibrated: Calibrated
    points: tuple[OperatingPoint, ...]
    conformal: ConformalRule
    in_force: bool
    notes: tuple[str, ...]

    def triage(self, urgent: tuple[str, ...], *, novelty_threshold: float) -> TriageRule:
        """The triage rule of the bundle."""
        return TriageRule(
            urgent=urgent,
            novelty_threshold=novelty_threshold,
            conformal=self.conformal if self.in_force else None,
        )


def fit_rules(
    held_out: HeldOut,
    *,
    task: Task,
    classes: Sequence[str],
    urgent: tuple[str, ...],
    evaluation: EvaluationTable,
    seed: int,
) -> ScoreRules:
    """Calibration, operating points and conformal rule from held-out logits.

    Raises:
        EvaluationError: The task does not allow the calibration that is asked for, or the labels do not allow
            the operating point.
    """
    calibrated = calibrate(
        held_out.logits,
        held_out.targets,
        task=task,
        classes=classes,
        groups=held_out.groups,
        kind=evaluation.calibration,
        seed=seed,
    )
    scores = apply_calibration(held_out.logits, calibrated.calibration, task=task)
    points = choose_operating_points(
        held_out.targets,
        scores,
        task=task,
        classes=classes,
        urgent=urgent,
        rule=evaluation.operating_point.rule,
        split=held_out.split,
    )
    in_force = evaluation.coverage != "none"
    coverage = USUAL_COVERAGE if evaluation.coverage == "none" else evaluation.coverage
    rule = conformal_rule(held_out.targets, scores, task=task, coverage=coverage, groups=held_out.groups)
    notes = _unfitted(rule, task=task, classes=classes) if in_force else ()
    return ScoreRules(calibrated, points, rule, in_force, notes)


def _unfitted(rule: ConformalRule, *, task: Task, classes: Sequence[str]) -> tuple[str, ...]:
    """What the rule cannot rule out for want of patients: the reader then says cannot-assess more often."""
    sides = list(classes) if task == "multiclass" else [s for name in classes for s in (f"no {name}", name)]
    short = [
        f"{side} ({count})"
        for side, low, count in zip(sides, rule.lowest, rule.patients, strict=True)
        if low is None
    ]
    if not short:
        return ()
    return (
        f"A coverage of {rule.coverage:g} needs more patients than there are of {', '.join(short)}: these are"
        " never ruled out.",
    )
