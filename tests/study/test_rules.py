"""What is fixed from held-out logits, without a network."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from overread.bundle.triage import possible_classes
from overread.errors import EvaluationError
from overread.evaluation import apply_calibration
from overread.study.rules import USUAL_COVERAGE, fit_rules
from overread.study.settings import EvaluationTable
from overread.training import HeldOut


def held_out(n: int = 300, *, classes: int = 1, seed: int = 0) -> HeldOut:
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n, classes))
    targets = (rng.random((n, classes)) < expit(0.7 * logits - 1)).astype(float)
    return HeldOut(logits, targets, rng.integers(0, n // 2, n), "tune", "tune")


def rules(given: HeldOut, task: str = "binary", **said):
    classes = tuple("abc"[: given.targets.shape[1]])
    urgent = classes[1:] if task == "multiclass" else classes
    table = EvaluationTable.model_validate(said)
    return fit_rules(given, task=task, classes=classes, urgent=urgent, evaluation=table, seed=0)


def test_the_default_calibrates_by_the_lowest_loss_and_has_no_conformal_rule_in_force() -> None:
    found = rules(held_out())
    assert found.calibrated.calibration.kind == "platt"
    assert found.calibrated.log_loss["a"]["platt"] < found.calibrated.log_loss["a"]["none"]
    assert found.triage(("a",), novelty_threshold=3.0).conformal is None
    assert found.conformal.coverage == USUAL_COVERAGE
    assert found.notes == ()


def test_an_asked_coverage_is_in_force_and_kept_for_patients_it_was_fitted_to() -> None:
    given = held_out(600)
    found = rules(given, coverage=0.8)
    rule = found.triage(("a",), novelty_threshold=3.0).conformal
    assert rule == found.conformal
    scores = apply_calibration(given.logits, found.calibrated.calibration, task="binary")
    possible = possible_classes(scores, rule=rule, task="binary")
    for side in (0, 1):
        here = given.targets[:, 0] == side
        patients = np.unique(given.groups[here])
        whole = [possible[here & (given.groups == one), side].all() for one in patients]
        assert 0.8 <= np.mean(whole) < 0.85


def test_the_operating_point_is_on_the_scores_of_the_calibration_that_was_taken() -> None:
    given = held_out(1500)
    for kind in ("platt", "temperature", "isotonic"):
        found = rules(given, calibration=kind, operating_point={"sensitivity": 0.9})
        scores = apply_calibration(given.logits, found.calibrated.calibration, task="binary")[:, 0]
        called = scores >= found.points[0].threshold
        assert called[given.targets[:, 0] == 1].mean() == pytest.approx(0.9, abs=0.01)


def test_what_can_never_be_ruled_out_for_want_of_patients_is_said() -> None:
    given = held_out(200, classes=2)
    given.targets[:, 1] = 0
    given.targets[:5, 1] = 1
    found = rules(given, "multilabel", coverage=0.95)
    [note] = found.notes
    assert "more patients than there are of b (5)" in note
    assert rules(given, "multilabel").notes == ()


def test_a_multiclass_reader_is_refused_anything_but_a_temperature() -> None:
    given = held_out(100, classes=3)
    given.targets[:] = np.eye(3)[np.arange(100) % 3]
    with pytest.raises(EvaluationError, match="calibration"):
        rules(given, "multiclass", calibration="isotonic")
    assert rules(given, "multiclass", coverage=0.8).conformal.patients[0] > 10
