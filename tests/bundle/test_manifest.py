from __future__ import annotations

import json
import math

import pytest
from pydantic import ValidationError

from overread.bundle import Calibration, Manifest, OperatingPoint, TriageRule
from overread.bundle.manifest import check_file_name
from tests.bundle.conftest import make_draft


def point(class_name: str, threshold: float = 0.5, name: str = "p") -> OperatingPoint:
    return OperatingPoint(name=name, class_name=class_name, threshold=threshold, rule="by hand")


def test_undefined_rate_is_null_in_json_and_nan_again() -> None:
    undefined = point("malignant")
    text = undefined.model_dump_json()
    assert json.loads(text)["sensitivity"] is None
    assert math.isnan(OperatingPoint.model_validate_json(text, strict=True).sensitivity)


@pytest.mark.parametrize("value", [1.2, -0.1, math.inf])
def test_rate_outside_0_to_1_is_refused(value: float) -> None:
    with pytest.raises(ValidationError, match="rate from 0 to 1"):
        OperatingPoint(name="p", threshold=0.5, rule="r", specificity=value)


def test_infinite_threshold_is_refused() -> None:
    with pytest.raises(ValidationError):
        point("malignant", math.inf)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ("a", "b")}, "expected one for a binary task"),
        ({"task": "multiclass"}, "two or more"),
        ({"task": "multilabel", "classes": ("a", "a")}, "different names"),
        ({"triage": TriageRule(urgent=("mole",), novelty_threshold=1)}, "'mole' is not among the classes"),
        ({"operating_points": ()}, "none for the urgent class 'malignant'"),
        ({"operating_points": (point("mole"),)}, "'p' is for class 'mole'"),
        ({"calibration": Calibration(kind="platt", slope=(1, 1), intercept=(0, 0))}, "expected 1 slopes"),
        ({"name": "../skin"}, "pattern"),
        ({"name": "skin@2"}, "pattern"),
        ({"name": " skin"}, "pattern"),
        ({"version": "1 0"}, "pattern"),
    ],
)
def test_manifest_that_contradicts_itself_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make_draft(**changes)


def test_unequal_slopes_and_intercepts_are_refused() -> None:
    with pytest.raises(ValidationError, match="as many slopes as intercepts"):
        Calibration(kind="platt", slope=(1.0, 2.0), intercept=(0.0,))


def test_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        TriageRule(urgent=(), novelty_threshold=1, colour="red")  # type: ignore[call-arg]


def test_first_operating_point_of_a_class_decides() -> None:
    draft = make_draft(operating_points=(point("malignant", 0.2, "first"), point("malignant", 0.7, "second")))
    assert [one.name for one in draft.deciding_points()] == ["first"]
    assert draft.operating_label == "first: malignant >= 0.2"


def test_multiclass_decides_on_the_sum_of_urgent_classes() -> None:
    draft = make_draft(
        task="multiclass",
        classes=("mel", "bcc", "nev"),
        operating_points=(point("", 0.3, "sum"),),
        triage=TriageRule(urgent=("mel", "bcc"), novelty_threshold=1),
    )
    assert draft.operating_label == "sum: mel + bcc >= 0.3"


def test_nothing_urgent_needs_no_operating_point() -> None:
    draft = make_draft(operating_points=(), triage=TriageRule(urgent=(), novelty_threshold=1))
    assert draft.deciding_points() == ()


@pytest.mark.parametrize(
    "name",
    ["../a", "/a", "a/../b", "a//b", "", "C:/a", "a\\b", "bundle.json", "a/.", "a\n", "a ", "b./a", "."],
)
def test_file_name_that_could_leave_the_bundle_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a path inside a bundle"):
        check_file_name(name)
    with pytest.raises(ValidationError):
        Manifest.from_draft(make_draft(), files={name: "0" * 64})


@pytest.mark.parametrize("name", ["network.onnx", "selftest/01-blob.jpg", "a/b.c/d"])
def test_plain_file_name_passes(name: str) -> None:
    check_file_name(name)


def test_label_is_name_at_version() -> None:
    assert make_draft().label == "skin@1.0.0"


@pytest.mark.parametrize("name", ["skin", "Haut 2026", "皮膚", "a.b-c"])
def test_name_may_be_any_words(name: str) -> None:
    assert make_draft(name=name).label == f"{name}@1.0.0"
