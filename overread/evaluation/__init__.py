"""How far a reader can be trusted: figures with intervals, calibration, operating points, the report."""

from __future__ import annotations

from overread.evaluation.asked import Asked
from overread.evaluation.calibration import apply_calibration, calibration_notes, fit_calibration
from overread.evaluation.calibration_choice import calibrate, choose_calibration
from overread.evaluation.conformal import conformal_rule, fit_conformal
from overread.evaluation.delong import delong_difference, delong_interval
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.figures import Figure
from overread.evaluation.intervals import Interval, clustered_bootstrap
from overread.evaluation.mistakes import Case, Mistake, select_mistakes, worst_cases
from overread.evaluation.multiplicity import holm
from overread.evaluation.net_benefit import decision_curve
from overread.evaluation.operating import choose_operating_point, choose_operating_points
from overread.evaluation.report import render_report
from overread.evaluation.results import CohortFlow, Evaluation, HistoryRow
from overread.evaluation.subgroups import subgroup_table

__all__ = [
    "Asked",
    "Case",
    "CohortFlow",
    "Evaluation",
    "Figure",
    "HistoryRow",
    "Interval",
    "Mistake",
    "apply_calibration",
    "calibrate",
    "calibration_notes",
    "choose_calibration",
    "choose_operating_point",
    "choose_operating_points",
    "clustered_bootstrap",
    "conformal_rule",
    "decision_curve",
    "delong_difference",
    "delong_interval",
    "evaluate_readings",
    "fit_calibration",
    "fit_conformal",
    "holm",
    "render_report",
    "select_mistakes",
    "subgroup_table",
    "worst_cases",
]
