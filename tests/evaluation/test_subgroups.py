from __future__ import annotations

import doctest

import numpy as np
import pytest
import sklearn.metrics as oracle
from scipy.stats import norm

from overread.errors import EvaluationError
from overread.evaluation import statistics as st
from overread.evaluation import subgroups
from overread.evaluation.delong import delong_interval
from overread.evaluation.multiplicity import holm
from overread.evaluation.subgroups import NOT_STATED, age_bands, subgroup_table


def cohort(rng, *, patients: int = 150, worse: float = 0.0):
    """1 to 4 images a patient; of men (half) the reader knows less by `worse`."""
    groups = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    sex = np.where(rng.random(patients) < 0.5, "F", "M")[groups]
    labels = (rng.random(patients) < 0.4).astype(float)[groups]
    z = (1.5 - worse * (sex == "M")) * labels + rng.normal(size=patients)[groups]
    return labels, 1 / (1 + np.exp(-z)), [str(one) for one in sex], groups


def test_every_row_counts_and_measures_its_own_images() -> None:
    labels, scores, sex, groups = cohort(np.random.default_rng(0))
    labels[:5] = np.nan
    rows = subgroup_table(labels, scores, sex, groups=groups, resamples=300)
    assert [row.name for row in rows] == ["F", "M"]
    for row in rows:
        here = (np.array(sex) == row.name) & ~np.isnan(labels)
        assert row.images == here.sum() == row.positives + row.negatives
        assert row.positives == labels[here].sum()
        assert row.patients == np.unique(groups[here]).size
        assert row.figure.value == pytest.approx(oracle.roc_auc_score(labels[here], scores[here]))
        assert row.figure.low < row.figure.value < row.figure.high
        assert row.difference.value == pytest.approx(row.figure.value - row.rest.value)
        assert row.difference.low < row.difference.value < row.difference.high
    assert rows[0].rest.value == rows[1].figure.value
    assert rows[0].p_value == pytest.approx(rows[1].p_value) == rows[0].p_holm


def test_the_test_agrees_with_delong_on_disjoint_patients() -> None:
    labels, scores, sex, groups = cohort(np.random.default_rng(1), patients=400, worse=0.7)
    [women, _] = subgroup_table(labels, scores, sex, groups=groups, resamples=2000)
    sides = [np.array(sex) == one for one in ("F", "M")]
    found = [delong_interval(labels[k], scores[k], groups=groups[k]) for k in sides]
    z = (found[0].value - found[1].value) / np.hypot(*(one.standard_error for one in found))
    assert women.p_value == pytest.approx(2 * norm.sf(abs(z)), rel=0.25)


def test_no_difference_is_found_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(2)
    wrong = 0
    for seed in range(200):
        labels, scores, sex, groups = cohort(rng, patients=80)
        wrong += (
            subgroup_table(labels, scores, sex, groups=groups, resamples=200, seed=seed)[0].p_value < 0.05
        )
    assert 0.02 <= wrong / 200 <= 0.09


def test_several_subgroups_are_adjusted_together() -> None:
    labels, scores, _, groups = cohort(np.random.default_rng(3))
    kinds = [("a", "b", "c")[k % 3] for k in groups]
    rows = subgroup_table(labels, scores, kinds, groups=groups, resamples=200)
    assert [row.p_holm for row in rows] == pytest.approx(holm([row.p_value for row in rows]).tolist())


def test_any_statistic_can_be_asked_and_what_is_not_known_comes_last() -> None:
    labels, scores = np.array([1.0, 1, 0, 1, 0, 1]), np.array([0.9, 0.2, 0.1, 0.8, 0.7, 0.6])
    rows = subgroup_table(
        labels,
        scores,
        ["z", "z", "z", None, None, "a"],
        groups=np.arange(6),
        statistic=lambda y, s: st.sensitivity_of(y, s >= 0.5),
        resamples=50,
    )
    assert [(row.name, row.figure.value) for row in rows] == [("a", 1.0), ("z", 0.5), (NOT_STATED, 1.0)]


def test_a_subgroup_of_one_truth_is_undefined_and_leaves_the_others_alone() -> None:
    labels, scores, _, groups = cohort(np.random.default_rng(4))
    kinds = np.where(labels == 1, "a", np.where(groups % 2, "b", "c"))
    rows = subgroup_table(labels, scores, list(kinds), groups=groups, resamples=50)
    assert np.isnan([[row.figure.value, row.p_value, row.p_holm] for row in rows]).all()
    assert sum(row.images for row in rows) == labels.size


def test_one_subgroup_has_nothing_to_be_compared_with() -> None:
    labels, scores, _, groups = cohort(np.random.default_rng(5))
    [row] = subgroup_table(labels, scores, ["all"] * labels.size, groups=groups, resamples=50)
    assert not np.isnan(row.figure.value)
    assert np.isnan([row.rest.value, row.difference.value, row.p_value, row.p_holm]).all()


def test_what_cannot_be_right_is_refused() -> None:
    with pytest.raises(EvaluationError, match="each of 2 images, got 1 and 2"):
        subgroup_table([0, 1], [0.1, 0.2], ["a"], groups=[1, 2])
    with pytest.raises(EvaluationError, match="rising edges"):
        age_bands([50], edges=(60, 40))


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(subgroups).failed == 0
