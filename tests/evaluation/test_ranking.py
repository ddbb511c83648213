"""Rankings in the weights of patients, against one resample after another."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as oracle
import torch
from hypothesis import given, settings
from hypothesis import strategies as hs
from torchmetrics.functional.classification import (
    binary_sensitivity_at_specificity,
    binary_specificity_at_sensitivity,
)

from overread.evaluation import ranking as rk
from overread.evaluation.intervals import bootstrap, draw_counts
from tests.evaluation.made import make_scores


def ward(seed: int, *, patients: int = 12, prevalence: float = 0.4):
    """Labels (some not stated), tied scores and patients of 1 to 6 images."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(patients), rng.integers(1, 7, patients))
    labels = (rng.random(groups.size) < prevalence).astype(float)
    scores = np.round(make_scores(rng, labels), 1)
    labels[rng.random(groups.size) < 0.1] = np.nan
    return labels, scores, groups


def resampled(labels, scores, groups, *, seed: int, resamples: int):
    """The images of each resample, written out one by one."""
    counts = draw_counts(np.random.default_rng(seed), groups=groups.max() + 1, resamples=resamples)
    for times in counts:
        rows = np.repeat(np.arange(groups.size), times[groups])
        rows = rows[~np.isnan(labels[rows])]
        yield labels[rows], scores[rows]


@settings(max_examples=25)
@given(seed=hs.integers(0, 10_000), prevalence=hs.sampled_from([0.05, 0.4, 0.9]))
def test_every_resample_has_the_area_and_precision_of_its_images_written_out(seed, prevalence) -> None:
    labels, scores, groups = ward(seed, prevalence=prevalence)
    statistics = {"auc": rk.roc_auc_of(labels, scores), "ap": rk.average_precision_of(labels, scores)}
    draws = bootstrap(statistics, groups, resamples=15, seed=seed)
    for row, (truth, values) in enumerate(resampled(labels, scores, groups, seed=seed, resamples=15)):
        mixed = 0 < truth.sum() < truth.size
        auc = oracle.roc_auc_score(truth, values) if mixed else np.nan
        ap = oracle.average_precision_score(truth, values) if truth.sum() else np.nan
        assert draws["auc"][row] == pytest.approx(auc, abs=1e-12, nan_ok=True)
        assert draws["ap"][row] == pytest.approx(ap, abs=1e-12, nan_ok=True)


@settings(max_examples=25)
@given(seed=hs.integers(0, 10_000))
def test_every_resample_has_the_curve_of_its_images_written_out(seed) -> None:
    labels, scores, groups = ward(seed)
    # Between any shares of so few images: where a curve rises straight up, rounding chooses the end.
    rates = np.array([0, *(np.linspace(0.1, 0.9, 5) + np.pi / 1e4), 1])
    draws = bootstrap(
        {"x": rk.roc_at_of(labels, scores, false_positive_rates=rates)}, groups, resamples=10, seed=seed
    )["x"]
    for row, (truth, values) in enumerate(resampled(labels, scores, groups, seed=seed, resamples=10)):
        if not 0 < truth.sum() < truth.size:
            assert np.isnan(draws[row]).all()
            continue
        x, y, _ = oracle.roc_curve(truth, values, drop_intermediate=False)
        assert draws[row] == pytest.approx(np.interp(rates, x, y), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_specificity_at_a_sensitivity_agrees_with_torchmetrics(seed) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 200).astype(float)
    scores = np.round(make_scores(rng, labels), 1)
    at = np.array([0.5, 0.8, 0.9, 0.95, 1.0])
    found = rk.specificity_at_of(labels, scores, sensitivities=at)(np.ones((1, 200)))[0]
    given = torch.tensor(scores), torch.tensor(labels.astype(int))
    expected = [float(binary_specificity_at_sensitivity(*given, rate)[0]) for rate in at]
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_sensitivity_at_a_specificity_agrees_with_torchmetrics(seed) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 200).astype(float)
    scores = np.round(make_scores(rng, labels), 2)
    wanted = np.array([0.5, 0.8, 0.9, 0.95])
    found = rk.sensitivity_at_of(labels, scores, specificities=wanted)(np.ones((1, 200)))[0]
    for value, specificity in zip(found, wanted, strict=True):
        theirs, _ = binary_sensitivity_at_specificity(
            torch.tensor(scores), torch.tensor(labels).int(), float(specificity)
        )
        assert value == pytest.approx(float(theirs), abs=1e-6)


def test_sensitivity_at_a_specificity_takes_no_threshold_between_two_scores() -> None:
    # From high: + (0, 1/2), both (1/2, 1), - (1, 1). At 0.75 only the first step keeps the specificity.
    labels, scores = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.5, 0.5, 0.1])
    statistic = rk.sensitivity_at_of(labels, scores, specificities=np.array([1.0, 0.75, 0.5, 0.0]))
    assert statistic(np.ones((1, 4)))[0].tolist() == [0.5, 0.5, 1.0, 1.0]


def test_sensitivity_at_a_specificity_is_undefined_with_one_truth_only() -> None:
    statistic = rk.sensitivity_at_of(np.ones(2), np.array([0.1, 0.9]), specificities=np.array([0.9]))
    assert np.isnan(statistic(np.ones((1, 2)))).all()


def test_rare_positives_leave_few_levels() -> None:
    labels = np.zeros(1000)
    labels[[100, 500, 501]] = 1
    assert rk.roc_auc_of(labels, np.linspace(0, 1, 1000)).levels == 6  # - + - + + -
