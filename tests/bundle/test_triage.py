from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.bundle import OperatingPoint, TriageRule, decide
from overread.bundle.manifest import ConformalRule
from overread.bundle.triage import answers, possible_classes, why_not
from tests.bundle.conftest import make_draft

BINARY = make_draft()
UNIT = st.floats(0, 1, width=32)


def many(task: str) -> object:
    names = ("mel", "bcc", "nev")
    points = {"": 0.6} if task == "multiclass" else {"mel": 0.3, "bcc": 0.6}
    return make_draft(
        task=task,
        classes=names,
        operating_points=tuple(
            OperatingPoint(name="p", class_name=name, threshold=cut, rule="r") for name, cut in points.items()
        ),
        triage=TriageRule(urgent=("mel", "bcc"), novelty_threshold=5.0),
    )


@pytest.mark.parametrize(
    ("score", "novelty", "wanted"),
    [
        (0.4, 0.0, "urgent"),  # the threshold itself counts
        (np.nextafter(0.4, 0), 0.0, "routine"),
        (1.0, 5.0, "urgent"),  # so does the novelty threshold
        (1.0, 5.001, "cannot-assess"),
        (0.0, 5.001, "cannot-assess"),
        (1.0, math.nan, "cannot-assess"),
        (1.0, math.inf, "cannot-assess"),
        (math.nan, 0.0, "cannot-assess"),
        (math.inf, 0.0, "cannot-assess"),
    ],
)
def test_binary(score: float, novelty: float, wanted: str) -> None:
    assert decide([score], novelty, manifest=BINARY) == wanted


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [
        ([0.3, 0.0, 1.0], "urgent"),
        ([0.29, 0.59, 1.0], "routine"),
        ([0.0, 0.6, 0.0], "urgent"),
        ([0.0, 0.0, 1.0], "routine"),
    ],
)
def test_multilabel_is_urgent_if_any_urgent_class_is_present(scores: list[float], wanted: str) -> None:
    assert decide(scores, 0.0, manifest=many("multilabel")) == wanted


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [([0.35, 0.25, 0.4], "urgent"), ([0.3, 0.25, 0.45], "routine"), ([0, 0, 1], "routine")],
)
def test_multiclass_adds_up_the_urgent_classes(scores: list[float], wanted: str) -> None:
    assert decide(scores, 0.0, manifest=many("multiclass")) == wanted


def test_nothing_is_urgent_where_no_class_is() -> None:
    draft = make_draft(operating_points=(), triage=TriageRule(urgent=(), novelty_threshold=1))
    assert decide([1.0], 0.0, manifest=draft) == "routine"


def test_wrong_number_of_scores_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected 1 scores"):
        decide([0.1, 0.2], 0.0, manifest=BINARY)


@given(low=UNIT, high=UNIT, novelty=st.floats(0, 5))
def test_higher_score_is_never_less_urgent(low: float, high: float, novelty: float) -> None:
    low, high = sorted((low, high))
    order = {"routine": 0, "urgent": 1}
    first, second = (order[decide([score], novelty, manifest=BINARY)] for score in (low, high))
    assert first <= second


def with_rule(task: str, lowest: tuple[float | None, ...], **fields: object):
    rule = ConformalRule(coverage=0.9, lowest=lowest, patients=(50,) * len(lowest))
    triage = TriageRule(
        urgent=("malignant",) if task == "binary" else ("mel", "bcc"), novelty_threshold=5.0, conformal=rule
    )
    draft = make_draft() if task == "binary" else many(task)
    return draft.model_copy(update={"triage": triage, **fields})  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("score", "wanted"),
    [
        (0.9, "urgent"),  # its presence alone is possible
        (0.6, "cannot-assess"),  # both are
        (0.2, "routine"),  # its absence alone is, and it stays below the threshold of 0.4
        (0.45, "cannot-assess"),  # its absence alone is, but the operating point says urgent
    ],
)
def test_a_binary_image_is_assessed_where_one_answer_is_possible_and_the_threshold_says_the_same(
    score: float, wanted: str
) -> None:
    assert decide([score], 0.0, manifest=with_rule("binary", (0.3, 0.5))) == wanted


def test_an_empty_set_cannot_be_assessed() -> None:
    rule = with_rule("binary", (0.7, 0.8))
    assert [decide([score], 0.0, manifest=rule) for score in (0.2, 0.5, 0.9)] == [
        "routine",
        "cannot-assess",
        "urgent",
    ]


def test_a_class_without_a_threshold_is_always_possible() -> None:
    assert decide([0.999], 0.0, manifest=with_rule("binary", (None, 0.5))) == "cannot-assess"
    assert decide([0.1], 0.0, manifest=with_rule("binary", (None, 0.5))) == "routine"


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [
        ([0.9, 0.5, 0.0], "urgent"),  # one finding is clear, whatever the other
        ([0.1, 0.5, 0.0], "cannot-assess"),
        ([0.1, 0.1, 0.5], "routine"),  # what is not urgent may stay open
    ],
)
def test_of_several_findings_one_clear_presence_is_urgent_and_routine_needs_all(
    scores: list[float], wanted: str
) -> None:
    assert decide(scores, 0.0, manifest=with_rule("multilabel", (0.4, 0.4) * 3)) == wanted


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [
        ([0.45, 0.45, 0.1], "urgent"),  # which of the urgent ones is open, that it is urgent is not
        ([0.4, 0.25, 0.35], "cannot-assess"),
        ([0.1, 0.1, 0.8], "routine"),
        ([0.25, 0.25, 0.5], "routine"),
        ([0.29, 0.27, 0.29], "cannot-assess"),  # none is possible
    ],
)
def test_of_competing_classes_all_that_are_possible_must_lead_to_the_same_decision(
    scores: list[float], wanted: str
) -> None:
    assert decide(scores, 0.0, manifest=with_rule("multiclass", (0.3, 0.3, 0.3))) == wanted


@pytest.mark.parametrize("scores", [[0.34, 0.34, 0.32], [0.5, 0.05, 0.2]])
def test_competing_classes_that_are_possible_may_not_contradict_the_threshold(scores: list[float]) -> None:
    # Only the ordinary class is possible, yet the urgent sum reaches its threshold of 0.6; and the reverse.
    assert decide(scores, 0.0, manifest=with_rule("multiclass", (0.35, 0.35, 0.3))) == "cannot-assess"


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_many_images_at_once_are_answered_as_one_by_one(task: str) -> None:
    classes = 1 if task == "binary" else 3
    manifest = with_rule(task, (0.35, 0.3) * classes if task != "multiclass" else (0.2, 0.3, 0.4))
    scores = np.random.default_rng(0).random((200, classes)).astype(np.float32)
    rule = manifest.triage.conformal
    together = answers(scores, rule=rule, manifest=manifest)
    assert together == [decide(row, 0.0, manifest=manifest) for row in scores]
    assert len(set(together)) == 3


def test_why_an_image_cannot_be_assessed() -> None:
    manifest = with_rule("binary", (0.3, 0.5))
    assert why_not([0.6], 0.0, manifest=manifest) == "undecided"
    assert why_not([0.6], 9.0, manifest=manifest) == "novel"
    assert why_not([0.9], 0.0, manifest=manifest) is None


def test_a_rule_of_another_length_is_refused() -> None:
    manifest = with_rule("binary", (0.3, 0.5, 0.5))
    with pytest.raises(ValueError, match="expected 2 thresholds of a conformal rule, got 3"):
        possible_classes(np.array([[0.5]]), rule=manifest.triage.conformal, task="binary")
