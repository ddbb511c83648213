from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.calibration import _sigmoid_calibration

from overread.errors import EvaluationError
from overread.evaluation.calibration import apply_calibration, calibration_notes, fit_calibration


def data(seed: int, *, n: int = 200, scale: float = 3.0, shift: float = 2.0):
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, 1)) < 0.3).astype(float)
    return scale * (rng.normal(size=(n, 1)) + shift * labels), labels


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [40, 300])
def test_platt_agrees_with_scikit_learn(seed, n) -> None:
    logits, labels = data(seed, n=n)
    a, b = _sigmoid_calibration(logits[:, 0], labels[:, 0])  # sklearn: 1 / (1 + exp(a f + b))
    found = fit_calibration(logits, labels, task="binary")
    assert found.kind == "platt"
    assert (found.slope[0], found.intercept[0]) == (
        pytest.approx(-a, rel=1e-3, abs=1e-4),
        pytest.approx(-b, rel=1e-3, abs=1e-3),
    )


def test_overconfident_logits_become_probabilities() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20_000, 1))
    labels = (rng.random((20_000, 1)) < 1 / (1 + np.exp(-(0.7 * z - 0.5)))).astype(float)
    found = fit_calibration(10 * z, labels, task="binary")
    assert found.slope[0] == pytest.approx(0.07, rel=0.1)
    assert found.intercept[0] == pytest.approx(-0.5, abs=0.08)


def test_a_separated_tune_set_of_forty_keeps_a_finite_slope() -> None:
    labels = np.repeat([[0.0], [1.0]], 20, axis=0)
    logits = np.where(labels == 1, 40.0, -40.0) + np.linspace(-1, 1, 40)[:, None]
    found = fit_calibration(logits, labels, task="binary")
    scores = apply_calibration(logits, found, task="binary")
    assert scores.max() == pytest.approx(21 / 22, abs=0.02)
    assert scores.min() == pytest.approx(1 / 22, abs=0.02)


def test_scores_that_rank_backwards_still_get_a_positive_slope() -> None:
    logits, labels = data(1)
    assert fit_calibration(-logits, labels, task="binary").slope[0] > 0


def test_huge_logits_do_not_stall_the_fit() -> None:
    logits, labels = data(2)
    small, large = (fit_calibration(scale * logits, labels, task="binary") for scale in (1, 1e4))
    assert large.slope[0] * 1e4 == pytest.approx(small.slope[0], rel=1e-4)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(12, 60))
def test_calibration_never_changes_the_order(seed, n) -> None:
    logits, labels = data(seed, n=n)
    found = fit_calibration(logits, labels, task="binary")
    order = np.argsort(logits[:, 0])
    assert (np.diff(apply_calibration(logits, found, task="binary")[order, 0]) >= 0).all()


def test_the_intercept_alone_is_fitted_where_positives_are_few() -> None:
    logits, _ = data(3, n=100)
    labels = np.zeros((100, 1))
    labels[:3] = 1
    found = fit_calibration(logits, labels, task="binary")
    scores = apply_calibration(logits, found, task="binary")
    assert found.slope == (1.0,)
    assert scores.mean() == pytest.approx((3 * 4 / 5 + 97 / 99) / 100, abs=1e-6)


def test_one_class_on_tune_leaves_the_scores_alone_and_is_noted() -> None:
    logits, labels = data(0)
    found = fit_calibration(logits, np.zeros_like(labels), task="binary")
    assert (found.kind, found.slope, found.intercept) == ("none", (1.0,), (0.0,))
    [note] = calibration_notes(np.zeros_like(labels), classes=["malignant"])
    assert "malignant" in note
    assert "0 with and 200 without" in note


def test_multilabel_classes_are_fitted_one_by_one_and_missing_labels_left_out() -> None:
    first, second = data(4), data(5)
    logits = np.concatenate([first[0], second[0], first[0]], axis=1)
    labels = np.concatenate([first[1], second[1], np.ones_like(first[1])], axis=1)
    alone = fit_calibration(*second, task="binary")
    together = fit_calibration(logits, labels, task="multilabel")
    assert together.slope[1] == alone.slope[0]
    assert (together.slope[2], together.intercept[2]) == (1.0, 0.0)
    gone = labels.copy()
    gone[::2, 1] = np.nan
    half = fit_calibration(logits, gone, task="multilabel")
    assert half.slope[1] == fit_calibration(second[0][1::2], second[1][1::2], task="binary").slope[0]
    assert calibration_notes(labels, classes=["a", "b", "c"]) == [
        "The scores of c are not calibrated: the images left for that are 200 with and 0 without it."
    ]


def test_the_temperature_is_found() -> None:
    rng = np.random.default_rng(6)
    logits = rng.normal(size=(8000, 4)) * 2
    p = np.exp(log_softmax(logits, axis=1))
    truth = (rng.random((8000, 1)) > np.cumsum(p, axis=1)).sum(axis=1)
    found = fit_calibration(5 * logits, np.eye(4)[truth], task="multiclass")
    assert found.kind == "temperature"
    assert found.slope == (pytest.approx(0.2, rel=0.05),)
    scores = apply_calibration(5 * logits, found, task="multiclass")
    assert scores.sum(axis=1) == pytest.approx(1)


def test_the_temperature_is_the_optimum_of_its_smoothed_loss() -> None:
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 3, 30)
    labels, logits = np.eye(3)[truth], rng.normal(size=(30, 3)) + 2 * np.eye(3)[truth]
    moved = 1 / (30 / 3 + 2)
    targets = labels * (1 - moved) + (1 - labels) * moved / 2
    best = minimize(lambda s: -(targets * log_softmax(s[0] * logits, axis=1)).sum(), [1.0]).x[0]
    assert fit_calibration(logits, labels, task="multiclass").slope[0] == pytest.approx(best, rel=1e-3)


def test_a_multiclass_tune_set_of_one_class_has_no_temperature() -> None:
    found = fit_calibration(np.ones((5, 3)), np.tile([1.0, 0, 0], (5, 1)), task="multiclass")
    assert found.kind == "none"


def test_no_calibration_is_the_plain_link() -> None:
    none = fit_calibration(np.zeros((2, 1)), np.zeros((2, 1)), task="binary")
    assert apply_calibration([[0.0], [1.0]], none, task="binary")[:, 0] == pytest.approx(
        [0.5, 1 / (1 + np.exp(-1))]
    )


def test_logits_that_are_not_finite_are_refused() -> None:
    with pytest.raises(EvaluationError, match="finite logits"):
        fit_calibration([[np.inf]], [[1.0]], task="binary")
