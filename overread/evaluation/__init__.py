"""How far a reader can be trusted: figures with intervals, calibration, operating points, the report."""

from __future__ import annotations

from overread.evaluation.calibration import apply_calibration, calibration_notes, fit_calibration
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.intervals import Interval, clustered_bootstrap
from overread.evaluation.mistakes import Case, Mistake, select_mistakes, worst_cases
from overread.evaluation.operating import choose_operating_point, choose_operating_points
from overread.evaluation.report import render_report
from overread.evaluation.results import CohortFlow, Evaluation, Figure, HistoryRow

__all__ = [
    "Case",
    "CohortFlow",
    "Evaluation",
    "Figure",
    "HistoryRow",
    "Interval",
    "Mistake",
    "apply_calibration",
    "calibration_notes",
    "choose_operating_point",
    "choose_operating_points",
    "clustered_bootstrap",
    "evaluate_readings",
    "fit_calibration",
    "render_report",
    "select_mistakes",
    "worst_cases",
]
