from __future__ import annotations

import doctest
import itertools

import numpy as np
import pytest
import sklearn.metrics as oracle
from scipy.stats import binom

from overread.errors import EvaluationError
from overread.evaluation import intervals
from overread.evaluation import statistics as st
from overread.evaluation.intervals import (
    bootstrap,
    clustered_bootstrap,
    draw_counts,
    exact_interval,
    percentile_interval,
    resample_weights,
)
from tests.evaluation.made import make_scores


def clustered_data(rng, *, patients=40, each=4):
    """Images of one patient share label and most of their score."""
    truth = (rng.random(patients) < 0.4).astype(float)
    own = rng.normal(size=patients) + 1.2 * truth
    groups = np.repeat(np.arange(patients), each)
    z = own[groups] + 0.3 * rng.normal(size=groups.size)
    return truth[groups], 1 / (1 + np.exp(-z)), groups


@pytest.mark.parametrize(
    ("factory", "theirs"),
    [
        (st.roc_auc_of, oracle.roc_auc_score),
        (st.average_precision_of, oracle.average_precision_score),
        (st.brier_of, oracle.brier_score_loss),
    ],
)
def test_weighted_bootstrap_equals_resampling_patients_by_hand(factory, theirs) -> None:
    rng = np.random.default_rng(3)
    labels, scores, groups = clustered_data(rng, patients=15, each=3)
    scores = np.round(scores, 2)
    ours = bootstrap({"x": factory(labels, scores)}, groups, resamples=60, seed=9)["x"]
    counts = draw_counts(np.random.default_rng(9), groups=15, resamples=60)
    for value, times in zip(ours, counts, strict=True):
        rows = np.concatenate([np.flatnonzero(groups == g) for g in range(15) for _ in range(times[g])])
        if len(set(labels[rows])) < 2:
            assert factory is st.brier_of or np.isnan(value)
        else:
            assert value == pytest.approx(theirs(labels[rows], scores[rows]), abs=1e-12)


def test_a_resample_draws_as_many_patients_as_there_are_with_all_their_images() -> None:
    groups = np.array(["b", "a", "b", "c"])
    weights = next(resample_weights(groups, resamples=50, seed=0))
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 0] + weights[:, 1] + weights[:, 3] == 3).all()
    assert len(np.unique(weights, axis=0)) > 5


def test_same_seed_same_interval_whatever_the_order_of_rows_or_the_chunks(monkeypatch) -> None:
    rng = np.random.default_rng(4)
    labels, scores, groups = clustered_data(rng)
    first = clustered_bootstrap(st.roc_auc_of(labels, scores), groups, resamples=200, seed=1)
    mixed = rng.permutation(groups.size)
    again = clustered_bootstrap(
        st.roc_auc_of(labels[mixed], scores[mixed]), groups[mixed], resamples=200, seed=1
    )
    assert (again.low, again.high) == pytest.approx((first.low, first.high), abs=1e-12)
    monkeypatch.setattr(intervals, "_CELLS_A_CHUNK", groups.size * 7)
    assert clustered_bootstrap(st.roc_auc_of(labels, scores), groups, resamples=200, seed=1) == first
    other = clustered_bootstrap(st.roc_auc_of(labels, scores), groups, resamples=200, seed=2)
    assert other.low != first.low


def test_undefined_resamples_are_counted_and_left_out() -> None:
    labels = np.array([1.0, 0, 0, 0, 0, 0])
    scores = np.array([0.7, 0.9, 0.5, 0.4, 0.3, 0.2])
    found = clustered_bootstrap(st.roc_auc_of(labels, scores), np.arange(6), resamples=3000, seed=0)
    # The one positive is not drawn with probability (5/6)^6, drawn alone with (1/6)^6.
    expected = 3000 * ((5 / 6) ** 6 + (1 / 6) ** 6)
    assert found.undefined == pytest.approx(expected, abs=4 * np.sqrt(expected))
    assert found.low <= found.value == 0.8 <= found.high


def test_an_undefined_figure_has_no_interval() -> None:
    found = clustered_bootstrap(st.roc_auc_of(np.zeros(4), np.linspace(0, 1, 4)), np.arange(4), resamples=50)
    assert np.isnan([found.value, found.low, found.high]).all()
    assert (found.undefined, found.method) == (50, "none")


def test_percentiles_are_those_of_the_draws() -> None:
    found = percentile_interval(0.5, np.append(np.linspace(0, 1, 1001), np.nan), level=0.9)
    assert (found.low, found.high, found.undefined) == (pytest.approx(0.05), pytest.approx(0.95), 1)


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (3, 9), (20, 20), (57, 60)])
def test_exact_bounds_leave_half_the_error_in_each_tail(successes, trials) -> None:
    low, high = exact_interval(successes, trials)
    if successes:
        assert binom.sf(successes - 1, trials, low) == pytest.approx(0.025)
    if successes < trials:
        assert binom.cdf(successes, trials, high) == pytest.approx(0.025)
    assert 0 <= low <= successes / trials <= high <= 1


def test_no_trials_no_bounds() -> None:
    assert np.isnan(exact_interval(0, 0)).all()


def test_arguments_that_cannot_be_right_are_refused() -> None:
    with pytest.raises(EvaluationError, match=r"`resamples`.*got 0"):
        clustered_bootstrap(st.brier_of(np.zeros(2), np.zeros(2)), [0, 1], resamples=0)
    with pytest.raises(EvaluationError, match=r"`level`.*got 95"):
        percentile_interval(0.5, np.zeros(3), level=95)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(intervals).failed == 0


def test_clustering_widens_the_interval_where_images_of_a_patient_are_alike() -> None:
    labels, scores, groups = clustered_data(np.random.default_rng(2))
    widths = [
        found.high - found.low
        for found in (
            clustered_bootstrap(st.roc_auc_of(labels, scores), unit, resamples=400)
            for unit in (groups, np.arange(groups.size))
        )
    ]
    assert widths[0] > 1.5 * widths[1]


def test_several_statistics_share_the_resamples() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 20).astype(float)
    scores = make_scores(rng, labels)
    statistics = {"a": st.brier_of(labels, scores), "b": st.brier_of(labels, scores)}
    draws = bootstrap(statistics, np.arange(20), resamples=30, seed=5)
    assert draws["a"].tolist() == draws["b"].tolist()
    assert all(len(part) == 30 for part in itertools.chain(draws.values()))
