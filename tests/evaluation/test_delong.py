from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from scipy.stats import norm

from overread.errors import EvaluationError
from overread.evaluation.delong import auc_covariance, delong_difference, delong_interval
from overread.evaluation.intervals import bootstrap
from overread.evaluation.ranking import roc_auc_of

# DeLong, DeLong & Clarke-Pearson (1988), table 1, patients with all three tests: albumin, total protein, K-G
# score, outcome. As in SAS/STAT, PROC LOGISTIC, "Comparing Receiver Operating Characteristic Curves".
OVARIAN = """
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1 3.8 5.7 5 1
3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0 2.3 4.4 6 1 4.2 7.6 4 0
4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1 3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1
4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0 3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1
2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1 3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
"""
ALBUMIN, PROTEIN, KG, OUTCOME = np.array(OVARIAN.split(), float).reshape(-1, 4).T


@pytest.mark.parametrize(
    ("scores", "area", "error", "low", "high"),
    [
        (ALBUMIN, 0.7366, 0.0927, 0.5549, 0.9182),
        (PROTEIN, 0.6478, 0.1000, 0.4518, 0.8439),
        (10 - KG, 0.7258, 0.1028, 0.5243, 0.9273),
    ],
)
def test_the_example_of_the_paper_has_the_published_areas(scores, area, error, low, high) -> None:
    found = delong_interval(OUTCOME, scores)
    assert (found.positives, found.negatives) == (31, 12)
    figures = (found.value, found.standard_error, found.low, found.high)
    assert figures == pytest.approx((area, error, low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("scores", "difference", "error", "low", "high", "p_value"),
    [(ALBUMIN, 0.0108, 0.0953, -0.1761, 0.1976, 0.9102), (PROTEIN, -0.0780, 0.1046, -0.2830, 0.1271, 0.4561)],
)
def test_the_example_of_the_paper_has_the_published_differences(
    scores, difference, error, low, high, p_value
) -> None:
    found = delong_difference(OUTCOME, scores, 10 - KG)
    figures = (found.difference, found.standard_error, found.low, found.high, found.p_value)
    assert figures == pytest.approx((difference, error, low, high, p_value), abs=6e-5)


def by_definition(labels, scores, groups):
    """Obuchowski (1997) with every pair written out: areas [k], covariance [k, k]."""
    up, down = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    won = (scores[up][:, None] > scores[down]) + 0.5 * (scores[up][:, None] == scores[down])
    areas = won.mean(axis=(0, 1))
    v10, v01 = won.mean(axis=1), won.mean(axis=0)
    m, n = up.size, down.size
    one, two, both = (np.zeros((scores.shape[1],) * 2) for _ in range(3))
    for patient in np.unique(groups):
        x = (v10[groups[up] == patient] - areas).sum(axis=0)
        y = (v01[groups[down] == patient] - areas).sum(axis=0)
        one, two, both = one + np.outer(x, x), two + np.outer(y, y), both + np.outer(x, y)
    counts = [np.unique(groups[part]).size for part in (up, down, np.arange(labels.size))]
    i10, i01, i = (k / (k - 1) for k in counts)
    return areas, i10 * one / m**2 + i01 * two / n**2 + i * (both + both.T) / (m * n)


@settings(max_examples=25)
@given(seed=hs.integers(0, 10_000), clustered=hs.booleans())
def test_ranks_give_what_all_pairs_give(seed, clustered) -> None:
    rng = np.random.default_rng(seed)
    labels = np.append([1.0, 1.0, 0.0, 0.0], rng.integers(0, 2, 30))
    scores = np.round(rng.normal(size=(34, 2)) + labels[:, None], 1)
    groups = np.append(np.arange(4), rng.integers(0, 12, 30)) if clustered else np.arange(34)
    areas, covariance, _ = auc_covariance(labels, scores, groups=groups)
    expected = by_definition(labels, scores, groups)
    assert areas == pytest.approx(expected[0])
    assert covariance == pytest.approx(expected[1], abs=1e-12)


def test_one_image_a_patient_is_the_plain_method() -> None:
    plain = delong_interval(OUTCOME, ALBUMIN)
    assert delong_interval(OUTCOME, ALBUMIN, groups=np.arange(43)[::-1]) == plain


def test_the_same_image_three_times_says_no_more_than_once() -> None:
    groups = np.repeat(np.arange(43), 3)
    thrice = [np.repeat(values, 3) for values in (OUTCOME, ALBUMIN, PROTEIN)]
    once = delong_interval(OUTCOME, ALBUMIN)
    again = delong_interval(*thrice[:2], groups=groups)
    assert again.value == once.value
    assert again.standard_error == pytest.approx(once.standard_error)
    assert delong_interval(*thrice[:2]).standard_error < 0.7 * once.standard_error
    assert delong_difference(*thrice, groups=groups).p_value == pytest.approx(
        delong_difference(OUTCOME, ALBUMIN, PROTEIN).p_value
    )


def test_it_agrees_with_the_clustered_bootstrap() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(150), rng.integers(1, 7, 150))
    labels = (rng.random(groups.size) < 0.4).astype(float)  # both kinds within a patient
    scores = 1.2 * labels + rng.normal(size=150)[groups] + 0.5 * rng.normal(size=groups.size)
    found = delong_interval(labels, scores, groups=groups)
    draws = bootstrap({"auc": roc_auc_of(labels, scores)}, groups, resamples=2000)["auc"]
    assert found.standard_error == pytest.approx(draws.std(), rel=0.05)


def test_a_reader_against_itself_shows_no_difference() -> None:
    found = delong_difference(OUTCOME, ALBUMIN, ALBUMIN)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    other_scale = delong_difference(OUTCOME, ALBUMIN, np.exp(ALBUMIN), groups=np.arange(43) // 2)
    assert other_scale.p_value == 1


def test_two_readers_without_an_error_are_not_said_to_be_the_same() -> None:
    found = delong_difference([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1], [0.7, 0.8, 0.2, 0.1])
    assert (found.difference, found.standard_error) == (0, 0)
    assert np.isnan([found.low, found.high, found.p_value]).all()
    reversed_ = delong_difference([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1], [0.1, 0.2, 0.8, 0.9])
    assert reversed_.difference == 1
    assert np.isnan([reversed_.low, reversed_.p_value]).all()


def test_images_without_a_label_are_left_out() -> None:
    labels = np.append(OUTCOME, [np.nan, np.nan])
    assert delong_interval(labels, np.append(ALBUMIN, [9.0, 0.0])) == delong_interval(OUTCOME, ALBUMIN)


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], [np.nan, np.nan, np.nan]])
def test_one_truth_only_is_undefined(labels) -> None:
    found = delong_interval(labels, [0.1, 0.2, 0.3])
    assert np.isnan([found.value, found.low, found.high, found.standard_error]).all()
    assert np.isnan(delong_difference(labels, [0.1, 0.2, 0.3], [0.1, 0.3, 0.2]).p_value)


def test_one_positive_has_an_area_and_no_interval() -> None:
    found = delong_interval([1, 0, 0], [0.5, 0.1, 0.9])
    assert found.value == 0.5
    assert np.isnan([found.low, found.high]).all()


def test_perfect_separation_has_no_interval() -> None:
    for scale in ("plain", "logit"):
        found = delong_interval([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1], scale=scale)
        assert (found.value, found.standard_error) == (1, 0)
        assert np.isnan([found.low, found.high]).all()


def test_the_logit_scale_stays_inside_and_the_plain_one_is_cut() -> None:
    labels, scores = [1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.4, 0.5, 0.2, 0.1]
    plain, logit = (delong_interval(labels, scores, scale=scale) for scale in ("plain", "logit"))
    assert plain.high == 1
    assert 0 < logit.low < plain.low < logit.value < logit.high < 1
    odds = [np.log(x / (1 - x)) for x in (logit.low, logit.value, logit.high)]
    assert odds[1] - odds[0] == pytest.approx(odds[2] - odds[1])


@pytest.mark.parametrize("scale", ["plain", "logit"])
def test_intervals_cover_the_true_area(scale) -> None:
    rng = np.random.default_rng(3)
    true = norm.cdf(1.2 / np.sqrt(2 * (1 + 0.3**2)))
    held = 0
    for _ in range(400):
        groups = np.repeat(np.arange(70), rng.integers(1, 7, 70))
        labels = (rng.random(70) < 0.4).astype(float)
        scores = (1.2 * labels + rng.normal(size=70))[groups] + 0.3 * rng.normal(size=groups.size)
        found = delong_interval(labels[groups], scores, groups=groups, scale=scale)
        held += found.low <= true <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_what_cannot_be_right_is_refused() -> None:
    with pytest.raises(EvaluationError, match=r"shapes \(2,\), \(3,\)"):
        delong_interval([0, 1], [0.1, 0.2, 0.3])
    with pytest.raises(EvaluationError, match="finite"):
        delong_interval([0, 1], [0.1, np.inf])
    with pytest.raises(EvaluationError, match=r"`level`.*got 95"):
        delong_interval(OUTCOME, ALBUMIN, level=95)


def test_the_order_of_images_does_not_matter() -> None:
    mixed = np.random.default_rng(0).permutation(43)
    one = delong_difference(OUTCOME, ALBUMIN, KG)
    other = delong_difference(OUTCOME[mixed], ALBUMIN[mixed], KG[mixed])
    assert vars(one) == pytest.approx(vars(other))
