from __future__ import annotations

import math

import pytest

from overread.bundle import Manifest, OperatingPoint, Provenance, TriageRule, model_card
from overread.bundle.manifest import ConformalRule
from overread.imaging.quality import QualityLimits
from tests.bundle.conftest import make_draft

PROVENANCE = Provenance(
    cohort_hash="ab" * 32,
    cohort="clinic",
    licence="CC-BY",
    split_counts={"test": {"malignant": 3, "benign": 7}, "train": {"malignant": 10, "benign": 90}},
    backbone="mobilenetv2_100",
)


def test_card_says_what_matters() -> None:
    card = model_card(make_draft(provenance=PROVENANCE))
    for text in (
        "# skin@1.0.0",
        "not a medical device",
        "A second look at dermoscopy photographs.",
        "- Not for children.",
        "| train | 90 | 10 |\n| test | 7 | 3 |",
        "it found 96% of those with it and called 50% of those without it urgent",
        "cannot-assess",
        "overread bundle verify",
        "Not measured yet: do not use it.",
    ):
        assert text in card


def test_card_says_by_which_coverage_it_abstains() -> None:
    rule = ConformalRule(coverage=0.9, lowest=(0.3, 0.4), patients=(50, 30))
    triage = TriageRule(urgent=("malignant",), novelty_threshold=3.0, conformal=rule)
    assert "left possible in 90% of patients" in model_card(make_draft(triage=triage))
    assert "left possible" not in model_card(make_draft())


def test_figures_carry_their_intervals_and_undefined_ones_say_so() -> None:
    metrics = {
        "ROC-AUC": {"value": 0.8, "low": 0.71234, "high": 0.89},
        "PR-AUC": {"value": None, "low": None, "high": None},
        "Brier": {"value": math.nan},
    }
    card = model_card(make_draft(), metrics=metrics)
    assert "| ROC-AUC | 0.800 (0.712 to 0.890) |" in card
    assert "| PR-AUC | undefined |" in card
    assert "| Brier | undefined |" in card


def test_people_are_counted_only_where_the_prevalence_is_known() -> None:
    assert "1,000 people" not in model_card(make_draft())
    card = model_card(make_draft(), prevalence=0.05)
    assert "Of 1,000 people of whom 50 have malignant, about 523 would be called urgent" in card
    assert "48 rightly and 475 needlessly; 2 with malignant would be missed" in card


def test_impossible_prevalence_is_an_error() -> None:
    with pytest.raises(ValueError, match="prevalence"):
        model_card(make_draft(), prevalence=5)


def test_undefined_operating_point_says_so() -> None:
    point = OperatingPoint(name="p", class_name="malignant", threshold=0.5, rule="by hand")
    card = model_card(make_draft(operating_points=(point,)), prevalence=0.1)
    assert "is undefined (0 with the finding, 0 without)" in card
    assert "1,000 people" not in card


def test_nothing_urgent_and_unknown_patients_are_said() -> None:
    draft = make_draft(
        operating_points=(),
        triage=TriageRule(urgent=(), novelty_threshold=1),
        provenance=Provenance(patient_known=False),
        limits=(),
    )
    card = model_card(draft)
    assert "is never said" in card
    assert "narrower than they should be" in card
    assert "does not mean that there are none" in card


def test_names_of_classes_cannot_break_the_table() -> None:
    point = OperatingPoint(name="p", class_name="a|b\n# c", threshold=0.5, rule="<script>")
    draft = make_draft(
        classes=("a|b\n# c",),
        operating_points=(point,),
        triage=TriageRule(urgent=("a|b\n# c",), novelty_threshold=1),
    )
    card = model_card(draft)
    assert "a\\|b \\# c" in card
    assert "a|b" not in card
    assert "<script>" not in card.replace("\\<script\\>", "")


def test_notes_stand_in_the_card_and_files_are_counted() -> None:
    manifest = Manifest.from_draft(make_draft(), files={"network.onnx": "0" * 64})
    card = model_card(manifest, notes=["Fine-tuning did not improve on tune."])
    assert "- Fine-tuning did not improve on tune." in card
    assert "SHA-256 of 1 files" in card


def test_what_photographs_are_warned_of_is_said() -> None:
    limits = QualityLimits(images=140, shorter_side=224, dark=82.1, bright=226.7, sharpness=14.4)
    card = model_card(make_draft(quality=limits))
    assert (
        "a side below 224 pixels, a mean brightness outside 82 to 227 of 255, or a sharpness below 14.4"
        in card
    )
    assert "the 140 of train and tune" in card
    assert "Warns of" not in model_card(make_draft())
