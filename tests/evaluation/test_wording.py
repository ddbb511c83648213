from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.bundle.manifest import Provenance
from overread.evaluation import wording
from overread.evaluation.evaluate import evaluate_readings
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


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(wording).failed == 0
