from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from overread.evaluation import metrics as mt
from overread.evaluation import statistics as st
from tests.evaluation.made import make_scores

FACTORIES: dict[str, Callable] = {
    "roc_auc": st.roc_auc_of,
    "average_precision": st.average_precision_of,
    "brier": st.brier_of,
    "log_loss": st.log_loss_of,
    "sensitivity": lambda y, s: st.sensitivity_of(y, s >= 0.5),
    "specificity": lambda y, s: st.specificity_of(y, s >= 0.5),
    "ppv": lambda y, s: st.ppv_of(y, s >= 0.5),
    "npv": lambda y, s: st.npv_of(y, s >= 0.5),
    "f1": lambda y, s: st.f1_of(y, s >= 0.5),
    "mcc": lambda y, s: st.mcc_of(y, s >= 0.5),
    "accuracy": lambda y, s: st.accuracy_of(y, s >= 0.5),
    "balanced_accuracy": lambda y, s: st.balanced_accuracy_of(y, s >= 0.5),
}


@pytest.mark.parametrize("name", FACTORIES)
@settings(max_examples=25)
@given(seed=hs.integers(0, 10_000))
def test_a_weight_counts_an_image_as_often_as_repeating_it(name, seed) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 12).astype(float)
    labels[rng.random(12) < 0.15] = np.nan
    scores = np.round(make_scores(rng, labels), 1)
    weights = rng.integers(0, 4, (3, 12))
    values = FACTORIES[name](labels, scores)(weights.astype(float))
    for row, value in zip(weights, values, strict=True):
        again = np.repeat(np.arange(12), row)
        plain = FACTORIES[name](labels[again], scores[again])(np.ones((1, again.size)))[0]
        assert value == pytest.approx(plain, nan_ok=True)


def test_calibration_error_keeps_its_bins_when_images_are_repeated() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 30).astype(float)
    scores = make_scores(rng, labels)
    weights = rng.integers(0, 3, (1, 30))
    again = np.repeat(np.arange(30), weights[0])
    value = st.calibration_error_of(labels, scores, bins=10, strategy="uniform")(weights.astype(float))[0]
    assert value == pytest.approx(mt.expected_calibration_error(labels[again], scores[again]))


def test_a_mean_is_undefined_where_one_part_is() -> None:
    labels = np.array([1.0, 0.0, 0.0])
    mean = st.mean_of([st.sensitivity_of(labels, labels == 1), st.specificity_of(labels, labels == 1)])
    assert np.isnan(mean(np.array([[0.0, 1.0, 1.0]]))).all()
    assert mean(np.ones((1, 3)))[0] == 1.0
    assert np.isnan(st.mean_of([])(np.ones((2, 3)))).all()


def test_roc_at_given_rates_follows_the_steps() -> None:
    # Thresholds from high: + (0, 1/2), - (1/2, 1/2), + (1/2, 1), - (1, 1).
    statistic = st.roc_at_of(
        np.array([1.0, 0.0, 1.0, 0.0]),
        np.array([0.9, 0.8, 0.7, 0.1]),
        false_positive_rates=np.array([0.0, 0.25, 0.5, 1.0]),
    )
    assert statistic(np.ones((1, 4)))[0].tolist() == [0.5, 0.5, 1.0, 1.0]


def test_a_resample_without_positives_has_no_curve() -> None:
    statistic = st.roc_at_of(
        np.array([1.0, 0.0]), np.array([0.9, 0.1]), false_positive_rates=np.array([0.0, 1.0])
    )
    values = statistic(np.array([[0.0, 2.0], [1.0, 1.0]]))
    assert np.isnan(values[0]).all()
    assert not np.isnan(values[1]).any()


def test_the_ranking_in_one_pass_equals_its_parts() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 25).astype(float)
    scores, weights = np.round(make_scores(rng, labels), 1), rng.integers(0, 3, (6, 25)).astype(float)
    rates = np.linspace(0, 1, 5)
    together = st.ranking_of(labels, scores, false_positive_rates=rates)(weights)
    assert together[:, 0].tolist() == st.roc_auc_of(labels, scores)(weights).tolist()
    assert together[:, 1].tolist() == st.average_precision_of(labels, scores)(weights).tolist()
    alone = st.roc_at_of(labels, scores, false_positive_rates=rates)(weights)
    assert together[:, 2:].tolist() == alone.tolist()


@pytest.mark.parametrize("name", FACTORIES)
def test_no_labels_at_all_is_undefined_in_every_resample(name) -> None:
    nothing = np.full(3, np.nan)
    assert np.isnan(FACTORIES[name](nothing, np.array([0.1, 0.5, 0.9]))(np.ones((2, 3)))).all()
