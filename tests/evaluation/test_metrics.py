from __future__ import annotations

import doctest
import math
import warnings

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from overread.errors import EvaluationError
from overread.evaluation import metrics


def case(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    labels = (rng.random(120) < 0.3).astype(float)
    scores = np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0.001, 0.999)
    if kind == "ties":
        scores = np.round(scores, 1)
    if kind == "missing labels":
        labels[rng.random(120) < 0.2] = np.nan
    if kind == "extreme scores":
        scores = np.where(scores > 0.5, 1.0, 0.0)
    return labels, scores


KINDS = ["plain", "ties", "missing labels", "extreme scores"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.roc_auc, oracle.roc_auc_score),
        (metrics.average_precision, oracle.average_precision_score),
        (metrics.brier, oracle.brier_score_loss),
    ],
)
def test_score_figures_agree_with_scikit_learn(kind, ours, theirs) -> None:
    labels, scores = case(kind)
    stated = ~np.isnan(labels)
    assert ours(labels, scores) == pytest.approx(theirs(labels[stated], scores[stated]), abs=1e-12)


@pytest.mark.parametrize("kind", ["plain", "ties", "missing labels"])
def test_log_loss_agrees_with_scikit_learn(kind) -> None:
    labels, scores = case(kind)
    stated = ~np.isnan(labels)
    scores = np.clip(scores, 1e-3, 1 - 1e-3)
    assert metrics.log_loss(labels, scores) == pytest.approx(oracle.log_loss(labels[stated], scores[stated]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.accuracy, oracle.accuracy_score),
        (metrics.balanced_accuracy, oracle.balanced_accuracy_score),
        (metrics.sensitivity, oracle.recall_score),
        (metrics.specificity, lambda y, c: oracle.recall_score(y, c, pos_label=0)),
        (metrics.ppv, oracle.precision_score),
        (metrics.npv, lambda y, c: oracle.precision_score(y, c, pos_label=0)),
        (metrics.f1, oracle.f1_score),
        (metrics.mcc, oracle.matthews_corrcoef),
    ],
)
def test_decision_figures_agree_with_scikit_learn(kind, ours, theirs) -> None:
    labels, scores = case(kind)
    called, stated = scores >= 0.45, ~np.isnan(labels)
    assert ours(labels, called) == pytest.approx(theirs(labels[stated], called[stated].astype(float)))


@pytest.mark.parametrize("kind", ["plain", "ties", "missing labels"])
@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_calibration_error_agrees_with_scikit_learn_bins(kind, strategy) -> None:
    labels, scores = case(kind)
    stated = ~np.isnan(labels)
    y, s = labels[stated], scores[stated]
    share, mean = calibration_curve(y, s, n_bins=7, strategy=strategy)
    edges = np.quantile(s, np.linspace(0, 1, 8)) if strategy == "quantile" else np.linspace(0, 1, 8)
    counts = np.bincount(np.searchsorted(edges[1:-1], s), minlength=7)
    expected = np.sum(counts[counts > 0] * np.abs(share - mean)) / len(y)
    assert metrics.expected_calibration_error(labels, scores, bins=7, strategy=strategy) == pytest.approx(
        expected
    )


def test_calibration_error_by_hand() -> None:
    # Bins (0, .1]: score .1, share 0; (.7, .8]: score .8 twice, share 1/2.
    assert metrics.expected_calibration_error([0, 1, 0], [0.1, 0.8, 0.8]) == pytest.approx(
        (0.1 + 2 * 0.3) / 3
    )


@pytest.mark.parametrize("labels", [[1.0, 1.0], [0.0, 0.0], [np.nan, np.nan], []])
def test_auc_of_one_class_is_nan_not_zero(labels) -> None:
    assert math.isnan(metrics.roc_auc(labels, [0.2, 0.8][: len(labels)]))


def test_what_is_undefined_is_nan() -> None:
    none, some = [0.0, 0.0], [0.3, 0.6]
    never = np.array([False, False])
    assert math.isnan(metrics.average_precision(none, some))
    assert math.isnan(metrics.sensitivity(none, never))
    assert math.isnan(metrics.specificity([1.0, 1.0], never))
    assert math.isnan(metrics.balanced_accuracy(none, never))
    assert math.isnan(metrics.ppv(none, never))
    assert math.isnan(metrics.npv(none, ~never))
    assert math.isnan(metrics.f1(none, never))
    assert math.isnan(metrics.mcc([0.0, 1.0], never))
    assert math.isnan(metrics.mcc(none, np.array([False, True])))
    assert math.isnan(metrics.brier([np.nan], [0.5]))
    assert math.isnan(metrics.log_loss([], []))
    assert math.isnan(metrics.expected_calibration_error([], []))
    assert math.isnan(metrics.macro_mean([np.nan, np.nan]))


def test_a_sure_and_wrong_score_has_a_finite_log_loss() -> None:
    assert np.isfinite(metrics.log_loss([1.0], [0.0]))


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 1.0]), st.integers(0, 6).map(lambda k: k / 6)),
        min_size=1,
        max_size=25,
    )
)
def test_auc_is_the_share_of_won_pairs(rows) -> None:
    labels, scores = (np.array(part) for part in zip(*rows, strict=True))
    pairs = [
        1.0 if p > n else 0.5 if p == n else 0.0 for p in scores[labels == 1] for n in scores[labels == 0]
    ]
    expected = np.mean(pairs) if pairs else np.nan
    assert metrics.roc_auc(labels, scores) == pytest.approx(expected, nan_ok=True)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_reversing_the_scores_reverses_the_auc(seed) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 30).astype(float), np.round(rng.random(30), 1)
    assert metrics.roc_auc(labels, scores) + metrics.roc_auc(labels, 1 - scores) == pytest.approx(
        1, nan_ok=True
    )


def multiclass(absent: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    truth = rng.integers(0, 3 if absent else 4, 90)
    logits = rng.normal(size=(90, 4)) + 1.5 * np.eye(4)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.eye(4)[truth], scores


@pytest.mark.parametrize("absent", [False, True])
def test_multiclass_figures_agree_with_scikit_learn(absent) -> None:
    labels, scores = multiclass(absent)
    truth, best = labels.argmax(axis=1), scores.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = oracle.balanced_accuracy_score(truth, best)
    assert metrics.balanced_accuracy_multiclass(labels, scores) == pytest.approx(expected)
    assert metrics.log_loss_multiclass(labels, scores) == pytest.approx(
        oracle.log_loss(truth, scores, labels=range(4))
    )
    assert metrics.brier_multiclass(labels, scores) == pytest.approx(
        np.mean(((scores - labels) ** 2).sum(axis=1))
    )


def test_multiclass_calibration_error_is_that_of_the_highest_score() -> None:
    labels, scores = multiclass()
    right = (labels.argmax(axis=1) == scores.argmax(axis=1)).astype(float)
    expected = metrics.expected_calibration_error(right, scores.max(axis=1))
    assert metrics.calibration_error_multiclass(labels, scores) == expected


def test_one_class_only_has_no_balanced_accuracy() -> None:
    labels = np.tile([1.0, 0.0], (5, 1))
    assert math.isnan(metrics.balanced_accuracy_multiclass(labels, np.full((5, 2), 0.5)))


def test_confusion_counts_truth_by_decision() -> None:
    table = metrics.confusion([0, 0, 1, 2], [0, 2, 1, 0], rows=3, columns=3)
    assert table.tolist() == oracle.confusion_matrix([0, 0, 1, 2], [0, 2, 1, 0]).tolist()


@pytest.mark.parametrize(
    ("labels", "scores", "said"),
    [
        ([0, 1], [0.1], "shapes (2,) and (1,)"),
        ([0, 2], [0.1, 0.2], "got 2"),
        ([0, 1], [0.1, 1.7], "got 1.7"),
        ([0, 1], [0.1, np.nan], "got nan"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_value(labels, scores, said) -> None:
    with pytest.raises(EvaluationError, match=said.replace("(", r"\(").replace(")", r"\)")):
        metrics.roc_auc(labels, scores)


def test_numbers_are_not_taken_for_decisions() -> None:
    with pytest.raises(EvaluationError, match="type bool"):
        metrics.sensitivity([0, 1], [0.2, 0.9])


def test_two_classes_present_in_a_multiclass_row_are_refused() -> None:
    with pytest.raises(EvaluationError, match="exactly one class"):
        metrics.brier_multiclass([[1, 1]], [[0.5, 0.5]])


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(metrics).failed == 0
