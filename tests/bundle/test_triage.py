from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.bundle import OperatingPoint, TriageRule, decide
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
