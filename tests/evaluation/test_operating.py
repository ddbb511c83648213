from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overread.errors import EvaluationError
from overread.evaluation.operating import (
    candidate_thresholds,
    choose_operating_point,
    choose_operating_points,
    urgent_sum,
)

LABELS = [0, 0, 1, 0, 1, 1, 0, 1]
SCORES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]


@pytest.mark.parametrize(
    ("rule", "threshold", "sensitivity", "specificity"),
    [
        ({"sensitivity": 1.0}, 0.25, 1.0, 0.5),
        ({"sensitivity": 0.75}, 0.45, 0.75, 0.75),
        ({"sensitivity": 0.7}, 0.45, 0.75, 0.75),
        ({"sensitivity": 0.01}, 0.75, 0.25, 1.0),
        ({"specificity": 1.0}, 0.75, 0.25, 1.0),
        ({"specificity": 0.5}, 0.25, 1.0, 0.5),
        ({"youden": True}, 0.25, 1.0, 0.5),
    ],
)
def test_rules_by_hand(rule, threshold, sensitivity, specificity) -> None:
    point = choose_operating_point(LABELS, SCORES, rule=rule, class_name="x")
    assert point.threshold == pytest.approx(threshold)
    assert (point.sensitivity, point.specificity) == (sensitivity, specificity)
    assert (point.positives, point.negatives, point.class_name) == (4, 4, "x")


def test_nineteen_of_twenty_are_a_sensitivity_of_95_percent() -> None:
    labels = [1.0] * 20 + [0.0] * 5
    scores = np.linspace(0.1, 0.9, 25)
    assert choose_operating_point(labels, scores).sensitivity == 0.95


def test_the_threshold_lies_midway_so_that_rounding_cannot_turn_a_decision() -> None:
    point = choose_operating_point([0.0, 1.0], np.array([0.30000001, 0.70000001]), rule={"sensitivity": 0.95})
    assert point.threshold == pytest.approx(0.5)


def test_equal_scores_are_called_together() -> None:
    point = choose_operating_point([1, 0, 0, 1], [0.5, 0.5, 0.5, 0.9], rule={"sensitivity": 0.9})
    assert (point.sensitivity, point.specificity) == (1.0, 0.0)


def test_without_negatives_the_specificity_is_nan_and_the_rule_still_works() -> None:
    point = choose_operating_point([1, 1], [0.4, 0.6])
    assert np.isnan(point.specificity)
    assert point.sensitivity == 1.0
    assert "sensitivity >= 0.95 on tune" in point.rule


@pytest.mark.parametrize("rule", [{"sensitivity": 0.9}, {"youden": True}])
def test_without_positives_there_is_one_clear_sentence(rule) -> None:
    with pytest.raises(EvaluationError, match="expected images with 'melanoma' on tune, got none; "):
        choose_operating_point([0, 0], [0.4, 0.6], rule=rule, class_name="melanoma")


def test_specificity_needs_negatives() -> None:
    with pytest.raises(EvaluationError, match="without"):
        choose_operating_point([1, 1], [0.4, 0.6], rule={"specificity": 0.9})


@pytest.mark.parametrize("rule", [{}, {"sensitivity": 1.2}, {"precision": 0.9}, {"youden": False}])
def test_an_unknown_rule_is_shown(rule) -> None:
    with pytest.raises(EvaluationError, match="expected a rule"):
        choose_operating_point(LABELS, SCORES, rule=rule)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_the_highest_threshold_that_reaches_the_sensitivity_is_taken(seed, wanted) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 25).astype(float), np.round(rng.random(25), 1)
    labels[0] = 1
    point = choose_operating_point(labels, scores, rule={"sensitivity": wanted})

    def reached(threshold: float) -> float:
        return float((scores[labels == 1] >= threshold).mean())

    assert reached(point.threshold) == pytest.approx(point.sensitivity)
    assert point.sensitivity >= wanted - 1e-9
    higher = [t for t in candidate_thresholds(scores) if t > point.threshold]
    assert all(reached(t) < wanted for t in higher)


def test_scores_at_the_ends_leave_room_for_calling_none_and_all() -> None:
    thresholds = candidate_thresholds(np.array([0.0, 1.0]))
    assert thresholds[0] == 0.0
    assert thresholds[-1] > 1.0


def test_missing_labels_are_left_out() -> None:
    point = choose_operating_point([np.nan, 1, 0], [0.99, 0.6, 0.2], rule={"sensitivity": 0.95})
    assert (point.threshold, point.positives, point.negatives) == (pytest.approx(0.4), 1, 1)


def test_multiclass_cuts_the_sum_of_the_urgent_scores() -> None:
    scores = np.array([[0.4, 0.3, 0.3], [0.1, 0.2, 0.7], [0.2, 0.6, 0.2], [0.05, 0.05, 0.9]])
    labels = np.eye(3)[[0, 2, 1, 2]]
    [point] = choose_operating_points(
        labels, scores, task="multiclass", classes=("mel", "bcc", "nv"), urgent=("mel", "bcc")
    )
    assert point.class_name == ""
    assert point.threshold == pytest.approx((0.7 + 0.3) / 2)
    assert urgent_sum(scores, classes=("mel", "bcc", "nv"), urgent=("mel", "bcc")) == pytest.approx(
        [0.7, 0.3, 0.8, 0.1]
    )


def test_multiclass_without_urgent_classes_has_no_operating_point() -> None:
    assert choose_operating_points(np.eye(2), np.eye(2), task="multiclass", classes=("a", "b")) == ()


def test_multilabel_leaves_out_a_class_that_tune_does_not_hold_unless_it_is_urgent() -> None:
    labels = np.array([[1.0, 0.0], [0.0, 0.0]])
    scores = np.array([[0.8, 0.1], [0.2, 0.3]])
    ask = {"task": "multilabel", "classes": ("a", "b")}
    assert [p.class_name for p in choose_operating_points(labels, scores, **ask, urgent=("a",))] == ["a"]
    with pytest.raises(EvaluationError, match="'b'"):
        choose_operating_points(labels, scores, **ask, urgent=("b",))


def test_the_rules_text_says_where_the_scores_came_from() -> None:
    points = choose_operating_points(
        [[0.0], [1.0]], [[0.2], [0.8]], task="binary", classes=["melanoma"], split="train, left out in turn"
    )
    assert points[0].rule == "sensitivity >= 0.95 on train, left out in turn"
