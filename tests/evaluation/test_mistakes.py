from __future__ import annotations

import doctest

import numpy as np
import pytest

from overread.errors import EvaluationError
from overread.evaluation import mistakes
from overread.evaluation.mistakes import select_mistakes, worst_cases
from tests.evaluation.made import make_manifest, make_tables

IDS = ["a", "b", "c", "d", "e", "f"]
LABELS = [1, 1, 1, 0, 0, np.nan]


def test_the_worst_come_first_and_right_readings_never() -> None:
    missed, alarms = select_mistakes(IDS, LABELS, scores=[0.4, 0.1, 0.9, 0.6, 0.8, 0.99], threshold=0.5)
    assert missed == ("b", "a")
    assert alarms == ("e", "d")


def test_no_more_than_asked_for() -> None:
    missed, alarms = select_mistakes(
        IDS, LABELS, scores=[0.4, 0.1, 0.2, 0.6, 0.8, 0.9], threshold=0.5, each=1
    )
    assert (missed, alarms) == (("b",), ("e",))


def test_equal_scores_are_ordered_by_id() -> None:
    missed, alarms = select_mistakes(
        ["z", "y", "x", "w"], [1, 1, 0, 0], scores=[0.1, 0.1, 0.9, 0.9], threshold=0.5
    )
    assert (missed, alarms) == (("y", "z"), ("w", "x"))


def test_a_score_at_the_threshold_is_called() -> None:
    assert select_mistakes(["a", "b"], [1, 0], scores=[0.5, 0.5], threshold=0.5) == ((), ("b",))


def test_without_a_threshold_the_lowest_positives_and_highest_negatives_are_shown() -> None:
    missed, alarms = select_mistakes(["a", "b"], [1, 0], scores=[0.9, 0.1], threshold=np.nan)
    assert (missed, alarms) == (("a",), ("b",))


def test_ids_and_labels_must_fit() -> None:
    with pytest.raises(EvaluationError, match="got 1 ids and 2 labels"):
        select_mistakes(["a"], [1, 0], scores=[0.1, 0.2], threshold=0.5)


def test_binary_cases_say_what_was_read_and_what_is_true() -> None:
    manifest = make_manifest()
    readings, reference = make_tables([1, 0, 1], [0.2, 0.7, 0.9], manifest=manifest, novelty=[0, 0, 0])
    missed, alarm = worst_cases(readings, reference, manifest=manifest)
    assert (missed.image_id, missed.kind, missed.truth, missed.decision) == (
        "img-000",
        "missed",
        "malignant",
        "routine",
    )
    assert (alarm.image_id, alarm.kind, alarm.truth, alarm.threshold) == (
        "img-001",
        "false-alarm",
        "not malignant",
        0.5,
    )


def test_what_was_set_aside_comes_after_what_was_decided_wrongly() -> None:
    manifest = make_manifest()
    tables = make_tables(
        [1, 1, 1, 0, 0], [0.1, 0.2, 0.3, 0.9, 0.8], manifest=manifest, novelty=[99, 0, 0, 99, 0]
    )
    found = [(case.image_id, case.decision) for case in worst_cases(*tables, manifest=manifest, each=2)]
    assert found == [
        ("img-001", "routine"),
        ("img-002", "routine"),
        ("img-004", "urgent"),
        ("img-003", "cannot-assess"),
    ]


def test_multiclass_cases_name_the_true_class_or_the_one_it_was_taken_for() -> None:
    manifest = make_manifest("multiclass", ("nv", "mel", "bcc"), urgent=("mel", "bcc"))
    labels = np.eye(3)[[2, 0, 1]]
    scores = np.array([[0.8, 0.15, 0.05], [0.3, 0.6, 0.1], [0.1, 0.5, 0.4]])
    missed, alarm = worst_cases(*make_tables(labels, scores, manifest=manifest), manifest=manifest)
    assert (missed.finding, missed.class_index, missed.score) == ("bcc", 2, pytest.approx(0.2))
    assert (alarm.finding, alarm.truth, alarm.score) == ("mel", "nv", pytest.approx(0.7))


def test_multiclass_without_urgent_classes_shows_wrong_classes() -> None:
    manifest = make_manifest("multiclass", ("a", "b"))
    scores = np.array([[0.4, 0.6], [0.1, 0.9], [0.1, 0.9]])
    cases = worst_cases(*make_tables(np.eye(2)[[0, 0, 1]], scores, manifest=manifest), manifest=manifest)
    assert [case.image_id for case in cases] == ["img-001", "img-000"]


def test_multilabel_shows_each_image_once_a_kind() -> None:
    manifest = make_manifest("multilabel", ("a", "b"), urgent=("a", "b"))
    labels = np.array([[1, 1], [0, 1]], float)
    scores = np.array([[0.3, 0.1], [0.9, 0.2]])
    cases = worst_cases(*make_tables(labels, scores, manifest=manifest), manifest=manifest)
    assert [(case.image_id, case.kind, case.finding) for case in cases] == [
        ("img-000", "missed", "b"),
        ("img-001", "missed", "b"),
        ("img-001", "false-alarm", "a"),
    ]


def test_the_example_in_the_docstring_holds() -> None:
    assert doctest.testmod(mistakes).failed == 0
