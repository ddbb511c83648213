from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from overread.errors import EvaluationError
from overread.evaluation import isotonic
from overread.evaluation.isotonic import enough_for_isotonic, fit_isotonic, rising
from overread.evaluation.metrics import expected_calibration_error, roc_auc


@settings(max_examples=60)
@given(hs.lists(hs.tuples(hs.integers(-5, 5), hs.integers(1, 4)), min_size=1, max_size=20))
def test_pooling_agrees_with_scikit_learn(rows) -> None:
    values, weights = (np.array(part, float) for part in zip(*rows, strict=True))
    theirs = IsotonicRegression().fit_transform(np.arange(values.size), values, sample_weight=weights)
    assert rising(values, weights=weights) == pytest.approx(theirs)


def blocks_of_scikit_learn(logits, labels):
    """Mean logit and share of each block of images that scikit-learn gives one score."""
    fitted = IsotonicRegression().fit_transform(logits, labels)
    return np.array([(logits[fitted == share].mean(), share) for share in np.unique(fitted)]).T


@settings(max_examples=40)
@given(seed=hs.integers(0, 10_000))
def test_the_knots_are_the_middles_of_scikit_learns_blocks_inside_platts_targets(seed) -> None:
    rng = np.random.default_rng(seed)
    labels = np.append([0.0, 1.0], rng.integers(0, 2, 38))
    logits = rng.integers(-8, 9, 40) + labels  # no block so light, nor so near, that it would be pooled
    found = fit_isotonic(logits, labels)
    x, y = blocks_of_scikit_learn(logits, labels)
    up, down = labels.sum(), (1 - labels).sum()
    assert found.logits[1:-1] == pytest.approx(x)
    assert found.scores[1:-1] == pytest.approx(np.clip(y, 1 / (down + 2), (up + 1) / (up + 2)))


def many(seed: int, n: int = 3000):
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=n)
    return logits, (rng.random(n) < 1 / (1 + np.exp(-np.clip(logits, -1, 2)))).astype(float)


@pytest.mark.parametrize("seed", range(3))
def test_images_stay_ranked_where_plain_isotonic_scaling_ties_them(seed) -> None:
    logits, labels = many(seed)
    found = fit_isotonic(logits, labels)
    new, truth = many(seed + 100)
    inside = (new > logits.min()) & (new < logits.max())
    assert roc_auc(truth[inside], found(new[inside])) == roc_auc_score(truth[inside], new[inside])
    tied = IsotonicRegression(out_of_bounds="clip").fit(logits, labels).predict(new)
    assert roc_auc_score(truth, tied) < roc_auc_score(truth, new)
    assert np.unique(found(new[inside])).size == inside.sum() > 2900


def test_scores_mean_what_they_say() -> None:
    logits, labels = many(0, 20_000)
    new, truth = many(1, 20_000)
    scores = fit_isotonic(logits, labels)(new)
    assert expected_calibration_error(truth, scores) < 0.015
    assert expected_calibration_error(truth, 1 / (1 + np.exp(-new))) > 0.04


def test_few_images_make_no_knot_and_no_line_is_steep() -> None:
    logits, labels = many(2)
    found = fit_isotonic(logits, labels)
    assert 5 < found.logits.size <= 52
    between = (found.logits[1:-2] + found.logits[2:-1]) / 2
    assert np.bincount(np.searchsorted(between, logits)).min() >= 0.01 * logits.size
    slopes = np.diff(found.scores) / np.diff(found.logits)
    assert (slopes > 0).all()
    assert slopes.max() * logits.std() < 5


def test_the_map_can_be_undone() -> None:
    logits, labels = many(3)
    found = fit_isotonic(logits, labels)
    again = found.undone(found(logits).astype(np.float32))
    assert again == pytest.approx(logits, abs=2e-3)


def test_logits_that_say_nothing_get_the_share_of_all() -> None:
    found = fit_isotonic(np.zeros(50), np.repeat([1.0, 0.0], [10, 40]))
    assert found(0.0) == pytest.approx(0.2)
    assert 0.18 < found(-9.0) < found(9.0) < 0.25


def test_what_is_enough() -> None:
    assert enough_for_isotonic(np.repeat([1.0, 0.0], [100, 900]))
    assert not enough_for_isotonic(np.repeat([1.0, 0.0], [99, 901]))
    assert not enough_for_isotonic(np.repeat([1.0, 0.0, np.nan], [400, 599, 500]))


def test_images_without_a_label_are_left_out() -> None:
    with_gap = fit_isotonic([0.0, 1.0, 2.0, 9.0], [0.0, 1.0, 1.0, np.nan])
    assert (
        with_gap([0.0, 2.0]).tolist() == fit_isotonic([0.0, 1.0, 2.0], [0.0, 1.0, 1.0])([0.0, 2.0]).tolist()
    )


def test_separated_images_are_not_certain() -> None:
    found = fit_isotonic([-2.0, -1.0, 1.0, 2.0], [0.0, 0.0, 1.0, 1.0])
    assert found([-1.5, 1.5]) == pytest.approx([0.25, 0.75])
    assert 0.2 < found(-50.0) < 0.25
    assert 0.75 < found(50.0) < 0.8


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(EvaluationError, match="got 2 and 0"):
        fit_isotonic([0.1, 0.2], [1.0, 1.0])
    with pytest.raises(EvaluationError, match="shapes"):
        fit_isotonic([0.1, 0.2], [1.0])


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(isotonic).failed == 0
