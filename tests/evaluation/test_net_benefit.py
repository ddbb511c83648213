from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as hs

from overread.errors import EvaluationError
from overread.evaluation import net_benefit as nb
from tests.evaluation.made import make_scores


def data(n: int = 300):
    rng = np.random.default_rng(2)
    labels = (rng.random(n) < 0.25).astype(float)
    scores = make_scores(rng, labels)
    labels[::20] = np.nan
    return labels, scores


@given(hs.floats(0.02, 0.98))
def test_it_is_true_calls_less_false_calls_at_the_odds_of_the_threshold(threshold) -> None:
    labels, scores = data()
    n = (~np.isnan(labels)).sum()
    hits, alarms = ((labels == side) & (scores >= threshold) for side in (1, 0))
    expected = hits.sum() / n - alarms.sum() / n * threshold / (1 - threshold)
    assert nb.net_benefit(labels, scores, threshold=threshold) == pytest.approx(expected)


def test_one_missed_finding_weighs_as_much_as_the_odds_say() -> None:
    # At 10 %, nine false calls outweigh one true one.
    labels = np.repeat([1.0, 0.0], [1, 9])
    assert nb.net_benefit(labels, np.ones(10), threshold=0.1) == pytest.approx(0)
    assert nb.net_benefit(labels, np.ones(10), threshold=0.05) == pytest.approx(0.1 - 0.9 / 19)


def test_acting_on_everyone_is_worth_nothing_where_the_threshold_is_the_prevalence() -> None:
    labels = np.array([1.0, 0, 0, 0])
    curve = nb.decision_curve(labels, [0.9, 0.1, 0.2, 0.3], thresholds=[0.1, 0.25, 0.5])
    assert curve.everyone == pytest.approx([0.25 - 0.75 / 9, 0, 0.25 - 0.75])
    assert curve.reader == pytest.approx([0.25 - 0.75 / 9, 0.25 - 0.25 / 3, 0.25])
    assert (curve.reader >= curve.everyone - 1e-12).all()


def test_at_its_own_prevalence_nothing_changes() -> None:
    labels, scores = data()
    own = float(np.nanmean(labels))
    plain, same = (nb.decision_curve(labels, scores, prevalence=rate) for rate in (None, own))
    assert same.reader == pytest.approx(plain.reader)
    assert same.everyone == pytest.approx(plain.everyone)


def test_another_prevalence_is_as_if_the_positives_were_so_many() -> None:
    labels = np.repeat([1.0, 0.0], [4, 4])
    scores = np.array([0.9, 0.8, 0.7, 0.1, 0.6, 0.2, 0.1, 0.1])
    diluted = np.append(labels, np.repeat(0.0, 12))  # the negatives four times: one in five
    again = np.append(scores, np.tile(scores[4:], 3))
    assert nb.net_benefit(labels, scores, threshold=0.3, prevalence=0.2) == pytest.approx(
        nb.net_benefit(diluted, again, threshold=0.3)
    )


def test_no_labels_is_undefined() -> None:
    assert np.isnan(nb.net_benefit([np.nan], [0.5], threshold=0.5))
    assert np.isnan(nb.net_benefit([1.0], [0.5], threshold=0.5, prevalence=0.1))


@pytest.mark.parametrize(
    "wrong", [{"threshold": 0.0}, {"threshold": 1.0}, {"threshold": 0.5, "prevalence": 10}]
)
def test_what_cannot_be_right_is_refused(wrong) -> None:
    with pytest.raises(EvaluationError, match="between 0 and 1"):
        nb.net_benefit([1, 0], [0.9, 0.1], **wrong)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(nb).failed == 0
