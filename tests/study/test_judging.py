from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from overread.study.judging import Judged, best_of, corrected_value, nested_logits, simplest_within


def judged(targets: np.ndarray, metric: str = "roc_auc", task: str = "binary", **other: np.ndarray) -> Judged:
    count = len(targets)
    return Judged(
        targets,
        other.get("groups", np.arange(count)),
        other.get("folds", np.zeros(count, np.int64)),
        task,  # type: ignore[arg-type]
        metric,  # type: ignore[arg-type]
    )


RNG = np.random.default_rng(0)
BINARY = RNG.integers(0, 2, (80, 1)).astype(float)
LOGITS = BINARY + RNG.normal(0, 1.2, (80, 1))


def test_binary_metrics_are_those_of_scikit_learn() -> None:
    scores = expit(LOGITS[:, 0])
    assert judged(BINARY).value(LOGITS) == pytest.approx(roc_auc_score(BINARY, scores))
    assert judged(BINARY, "average_precision").value(LOGITS) == pytest.approx(
        average_precision_score(BINARY, scores)
    )
    assert judged(BINARY, "log_loss").value(LOGITS) == pytest.approx(log_loss(BINARY, scores))


def test_multiclass_metrics_are_those_of_scikit_learn() -> None:
    labels = RNG.integers(0, 3, 90)
    targets, logits = np.eye(3)[labels], np.eye(3)[labels] + RNG.normal(0, 1, (90, 3))
    scores = softmax(logits, axis=1)
    made = judged(targets, task="multiclass")
    assert made.value(logits) == pytest.approx(roc_auc_score(labels, scores, multi_class="ovr"))
    made = judged(targets, "log_loss", "multiclass")
    assert made.value(logits) == pytest.approx(log_loss(labels, scores))


def test_a_class_that_is_undefined_is_left_out_and_all_undefined_is_nan() -> None:
    targets = np.column_stack([BINARY[:, 0], np.zeros(80)])
    logits = np.repeat(LOGITS, 2, axis=1)
    made = judged(targets, task="multilabel")
    assert made.value(logits) == pytest.approx(roc_auc_score(BINARY, LOGITS))
    assert np.isnan(judged(np.zeros((5, 1))).value(np.zeros((5, 1))))


def test_some_rows_are_judged_alone() -> None:
    rows = np.arange(80) < 50
    assert judged(BINARY).value(LOGITS, rows) == pytest.approx(roc_auc_score(BINARY[:50], LOGITS[:50]))


def test_the_standard_error_knows_patients() -> None:
    # Each patient four times: no more is known than of one image each.
    four = np.tile(BINARY, (4, 1)), np.tile(LOGITS, (4, 1))
    alone = judged(BINARY).standard_error(LOGITS, seed=0)
    together = judged(four[0], groups=np.tile(np.arange(80), 4)).standard_error(four[1], seed=0)
    apart = judged(four[0]).standard_error(four[1], seed=0)
    assert together == pytest.approx(alone, rel=0.15)
    assert apart == pytest.approx(alone / 2, rel=0.25)


def test_the_best_of_many_guesses_is_corrected_towards_chance() -> None:
    # Every setting guesses: the best looks good, and on others it is worth 0.5.
    raw, corrected = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        made = judged(rng.integers(0, 2, (40, 1)).astype(float))
        logits = [rng.normal(size=(40, 1)) for _ in range(20)]
        raw.append(max(made.value(one) for one in logits))
        corrected.append(corrected_value(made, logits, seed=seed))
    assert np.mean(raw) > 0.65
    assert abs(np.mean(corrected) - 0.5) < 0.04


def test_one_setting_needs_no_correction() -> None:
    made = judged(BINARY)
    assert corrected_value(made, [LOGITS], seed=0) == pytest.approx(made.value(LOGITS), abs=0.03)


def test_a_loss_is_corrected_upwards() -> None:
    rng = np.random.default_rng(3)
    made = judged(rng.integers(0, 2, (40, 1)).astype(float), "log_loss")
    logits = [rng.normal(size=(40, 1)) for _ in range(20)]
    assert corrected_value(made, logits, seed=0) > min(made.value(one) for one in logits)


def test_nested_takes_for_each_fold_what_is_best_among_the_others() -> None:
    folds = np.array([0, 0, 1, 1])
    made = judged(np.array([[0.0], [1.0], [0.0], [1.0]]), folds=folds)
    right, wrong, none = np.array([[0.0], [1.0]]), np.array([[1.0], [0.0]]), np.full((2, 1), np.nan)
    # Setting 0 is right on fold 1's images by inner heads, setting 1 on those of fold 0.
    inner = [
        np.stack([np.vstack([none, right]), np.vstack([wrong, none])]),
        np.stack([np.vstack([none, wrong]), np.vstack([right, none])]),
    ]
    outer = [np.full((4, 1), 10.0), np.full((4, 1), 20.0)]
    assert nested_logits(made, outer, inner)[:, 0].tolist() == [10, 10, 20, 20]


def test_the_best_is_the_first_of_equals_and_never_undefined() -> None:
    values = {0: 0.7, 1: float("nan"), 2: 0.9, 3: 0.9}
    assert best_of(values, sign=1.0) == 2
    assert best_of(values, sign=-1.0) == 0
    assert best_of({0: float("nan")}, sign=1.0) is None


def test_within_one_standard_error_the_fewest_changes_are_chosen() -> None:
    values, changed = {0: 0.7, 1: 0.82, 2: 0.85, 3: float("nan")}, {0: 0, 1: 1, 2: 3, 3: 0}
    assert simplest_within(values, changed, best=2, error=0.04, sign=1.0) == 1
    assert simplest_within(values, changed, best=2, error=0.2, sign=1.0) == 0
    assert simplest_within(values, changed, best=2, error=0.01, sign=1.0) == 2
    assert simplest_within(values, changed, best=2, error=float("nan"), sign=1.0) == 2
    assert simplest_within({0: 0.5, 1: 0.4}, {0: 0, 1: 1}, best=1, error=0.2, sign=-1.0) == 0
