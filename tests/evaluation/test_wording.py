from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.bundle.manifest import Provenance
from overread.evaluation import wording
from overread.evaluation.clinical import Abstention, CalibrationResult, LearningPoint
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.figures import Figure
from overread.evaluation.results import CohortFlow
from tests.evaluation.made import make_manifest, make_scores, make_tables


def evaluated(manifest=None, *, n=100, **settings):
    rng = np.random.default_rng(1)
    labels = (rng.random(n) < 0.4).astype(float)
    manifest = manifest or make_manifest()
    tables = make_tables(labels, make_scores(rng, labels), manifest=manifest)
    return evaluate_readings(*tables, manifest=manifest, resamples=50, **settings), manifest


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(lambda parts: sum(parts) > 0))
def test_a_hundred_is_a_hundred(parts) -> None:
    shares = [part / sum(parts) for part in parts]
    whole = wording.whole_hundred(shares)
    assert sum(whole) == 100
    assert all(abs(n - 100 * share) < 1 for n, share in zip(whole, shares, strict=True))


def test_of_100_images_each_decision_is_told_with_its_interval() -> None:
    found, manifest = evaluated()
    assert found.triage is not None
    naming = wording.name_images(found, manifest=manifest)
    present, absent = wording.hundreds(found.triage, naming=naming)
    assert present.title == "Of 100 malignant images"
    assert sum(part[1] for part in present.parts) == 100
    figure = found.triage.figures["routine_if_present"]
    assert present.parts[2][2] == f"are called routine: missed ({wording.of_hundred(figure)})"
    assert [part[0] for part in absent.parts] == ["routine", "cannot-assess", "urgent"]


def test_a_truth_without_images_is_not_told() -> None:
    manifest = make_manifest()
    tables = make_tables([0, 0, 0], [0.1, 0.2, 0.9], manifest=manifest)
    found = evaluate_readings(*tables, manifest=manifest, resamples=20)
    assert found.triage is not None
    naming = wording.name_images(found, manifest=manifest)
    assert [group.title for group in wording.hundreds(found.triage, naming=naming)] == ["Of 100 other images"]
    assert "cannot be stated" in wording.ranking_sentence(found.overall["roc_auc"], naming=naming)


def test_the_other_side_is_called_what_the_cohort_calls_it() -> None:
    counted = Provenance(split_counts={"train": {"malignant": 3, "benign": 4}})
    found, manifest = evaluated(make_manifest(provenance=counted))
    assert wording.name_images(found, manifest=manifest).many == ("malignant images", "benign images")
    flow = CohortFlow(negative="harmless", found=1, read=1, rejected=0, patients=1)
    found, manifest = evaluated(cohort=flow)
    assert wording.name_images(found, manifest=manifest).short == ("malignant", "harmless")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"test_reads": 3}, "read 3 times"),
        (
            {"cohort": CohortFlow(found=1, read=1, rejected=0, patients=1, patient_known=False)},
            "tell patients apart",
        ),
    ],
)
def test_what_limits_trust_is_said(settings, said) -> None:
    found, manifest = evaluated(**settings)
    assert any(said in caution for caution in wording.cautions(found, manifest=manifest))


def test_a_large_and_clean_test_set_has_no_cautions() -> None:
    found, manifest = evaluated(n=300, test_reads=1)
    assert wording.cautions(found, manifest=manifest) == []


def test_few_images_and_other_splits_are_cautioned() -> None:
    manifest = make_manifest()
    tables = make_tables([1, 0, 0], [0.1, 0.2, 0.9], manifest=manifest, split="tune")
    found = evaluate_readings(*tables, manifest=manifest, split="tune", resamples=20)
    said = " ".join(wording.cautions(found, manifest=manifest))
    assert "1 with malignant, 2 without malignant" in said
    assert "These are tune images" in said


def test_what_a_caution_says_is_not_said_again_as_a_note() -> None:
    leak = "1 patient stands in train and test"
    flow = CohortFlow(found=1, read=1, rejected=0, patients=1, leakage=(leak,))
    found, manifest = evaluated(cohort=flow)
    said = wording.cautions(found, manifest=manifest)
    notes = (f"Leakage that the study accepts: {leak}.", "The head's reader was kept.")
    assert wording.notes_beside(notes, cautions=said) == ("The head's reader was kept.",)
    assert wording.notes_beside(notes, cautions=[]) == notes


def calibrated(kind: str, **losses: float) -> str:
    return wording.calibration_choice(CalibrationResult(of="malignant", kind=kind, log_loss=losses))


def test_why_a_calibration_was_taken_is_said() -> None:
    assert "Platt scaling was chosen" in calibrated("platt", platt=0.41, isotonic=0.43)
    assert calibrated("platt", platt=0.41, isotonic=0.43, none=0.4).endswith(
        "without calibration had 0.400, so there was next to nothing to correct."
    )
    assert "although another" in calibrated("platt", platt=0.45, isotonic=0.43)
    for unchosen in (calibrated("platt"), calibrated("platt", platt=0.4, none=0.5, isotonic=np.nan)):
        assert unchosen == "Platt scaling was taken without a choice."
    assert calibrated("none") == "The scores are not calibrated."


def learnt(*aucs: float, spread: float = 0.0) -> str:
    return wording.learning_sentence(
        [
            LearningPoint(
                share=2.0**k,
                patients=int(20 * 2.0**k),
                images=10,
                auc=auc,
                low=auc - spread,
                high=auc + spread,
            )
            for k, auc in enumerate(aucs, start=1 - len(aucs))
        ]
    )


def test_whether_more_images_would_help_is_said_with_its_doubt() -> None:
    assert learnt(0.7, 0.8, 0.88).startswith("From 10 patients to 20")
    assert "would probably help." in learnt(0.7, 0.8, 0.88)
    assert "would probably help little." in learnt(0.7, 0.88, 0.881)
    assert "may or may not help" in learnt(0.7, 0.8, 0.83, spread=0.05)
    assert "cannot be stated" in learnt(0.7)
    assert "cannot be stated" in learnt(np.nan, 0.8)


@pytest.mark.parametrize(("in_force", "said"), [(True, "It answers 71 of 100"), (False, "would answer 71")])
def test_what_a_conformal_rule_does_is_said_or_what_it_would_do(in_force, said) -> None:
    rule = Abstention(
        of="urgent",
        asked=0.9,
        in_force=in_force,
        coverage={},
        answered=Figure(value=0.712, low=0.65, high=0.77),
        right=Figure(value=0.93, low=0.9, high=0.96),
        right_of_all=Figure(value=0.84),
    )
    words = wording.abstention_sentence(rule)
    assert said in words
    assert "of 100 answers 93 are right (90 to 96), against 84 of 100" in words
    undefined = rule.model_copy(update={"right": Figure(value=np.nan)})
    assert "cannot be stated" in wording.abstention_sentence(undefined)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(wording).failed == 0


def test_a_table_shows_a_figure_with_its_interval_and_a_dash_where_there_is_none() -> None:
    shown = Figure(value=0.8512, low=0.79, high=0.91, undefined=0, method="bootstrap")
    assert wording.cells(shown) == (wording.number(0.8512), wording.interval(shown))
    assert wording.cells(None) == ("–", "")
