from __future__ import annotations

import numpy as np
import pytest

from overread.bundle.triage import possible_classes
from overread.errors import EvaluationError
from overread.evaluation.conformal import (
    agreed_decisions,
    conformal_coverage,
    conformal_rule,
    fit_conformal,
    two_sided,
)


def readings(rng: np.random.Generator, n: int):
    truth = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    logits = rng.normal(size=(n, 3)) + np.diag([1.5, 1.5, 0.5])[truth]  # the rare class is the hardest
    return np.eye(3)[truth], np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_the_threshold_is_the_rank_that_the_coverage_asks_for() -> None:
    labels = np.tile([1.0, 0.0], (19, 1))
    scores = np.stack([np.linspace(0.05, 0.95, 19), 1 - np.linspace(0.05, 0.95, 19)], axis=1)
    # 20 places between and beside 19 images: at 90 % two are left out, so the second lowest is kept.
    assert fit_conformal(labels, scores, coverage=0.9).lowest[0] == pytest.approx(0.10)
    assert fit_conformal(labels, scores, coverage=0.95).lowest[0] == pytest.approx(0.05)


def test_too_few_images_for_the_coverage_rule_nothing_out() -> None:
    rule = fit_conformal(np.tile([1.0, 0.0], (10, 1)), np.full((10, 2), 0.5), coverage=0.95)
    assert rule.lowest.tolist() == [-np.inf, -np.inf]
    assert rule.counts == (10, 0)
    assert rule.cannot_assess([[1.0, 0.0]]).all()


@pytest.mark.parametrize("by_class", [True, False])
@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_new_images_are_covered_as_promised_on_average(by_class, coverage) -> None:
    rng = np.random.default_rng(0)
    held = np.zeros(3)
    total = 0.0
    for _ in range(200):
        rule = fit_conformal(*readings(rng, 300), coverage=coverage, by_class=by_class)
        labels, scores = readings(rng, 300)
        held += conformal_coverage(rule, labels, scores) / 200
        total += float((rule.sets(scores) & (labels == 1)).any(axis=1).mean()) / 200
    assert coverage - 0.01 <= total <= coverage + 0.03
    if by_class:
        assert (held >= coverage - 0.015).all()
    else:
        assert held[2] < coverage - 0.02  # the rare class pays for the average


def test_whole_patients_are_covered_when_patients_are_counted() -> None:
    rng = np.random.default_rng(1)
    held = np.zeros(2)
    for _ in range(300):
        groups = np.repeat(np.arange(120), 4)
        truth = (rng.random(120) < 0.5).astype(float)[groups]
        own = rng.normal(size=120)[groups] + 0.5 * rng.normal(size=480) + 1.5 * (truth - 0.5)
        labels, scores = two_sided(truth), two_sided(1 / (1 + np.exp(-own)))
        old, new = groups < 60, groups >= 60
        for side, unit in enumerate((groups[old], None)):
            rule = fit_conformal(labels[old], scores[old], coverage=0.9, by_class=False, groups=unit)
            sets = rule.sets(scores[new])
            covered = (sets & (labels[new] == 1)).any(axis=1).reshape(60, 4)
            held[side] += covered.all(axis=1).mean() / 300
    by_patient, by_image = held
    assert 0.89 <= by_patient <= 0.93
    assert by_image < 0.88


def test_one_class_is_an_answer_and_none_or_both_are_not() -> None:
    labels = two_sided(np.repeat([1.0, 0.0], 9))
    scores = two_sided(np.concatenate([np.linspace(0.5, 0.9, 9), np.linspace(0.1, 0.5, 9)]))
    rule = fit_conformal(labels, scores, coverage=0.8)
    assert rule.lowest == pytest.approx([0.55, 0.55])
    assert rule.sets(two_sided([0.9, 0.5, 0.1])).tolist() == [[False, True], [False, False], [True, False]]
    assert rule.cannot_assess(two_sided([0.9, 0.5, 0.1])).tolist() == [False, True, False]
    answered, right = agreed_decisions([1.0, 1.0, 0.0, np.nan], [0.9, 0.1, 0.5, 0.9], rule=rule)
    assert (answered, right) == (pytest.approx(2 / 3), 0.5)


def test_what_is_undefined_is_nan() -> None:
    rule = fit_conformal([[1.0, 0.0]], [[0.5, 0.5]])
    assert np.isnan(conformal_coverage(rule, [[1.0, 0.0]], [[0.5, 0.5]])[1])
    assert np.isnan(agreed_decisions([np.nan], [0.5], rule=rule)).all()


def test_what_cannot_be_right_is_refused() -> None:
    one = [[1.0, 0.0]]
    with pytest.raises(EvaluationError, match=r"`coverage`.*got 95"):
        fit_conformal(one, one, coverage=95)
    with pytest.raises(EvaluationError, match="each of 1 images"):
        fit_conformal(one, one, groups=[1, 2])
    with pytest.raises(EvaluationError, match=r"scores \[n, 2\]"):
        fit_conformal(one, one).sets([[0.1, 0.2, 0.7]])
    with pytest.raises(EvaluationError, match="one finding"):
        two_sided([[0.1]])


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_a_bundles_rule_leaves_the_same_classes_possible(task) -> None:
    rng = np.random.default_rng(2)
    labels, scores = readings(rng, 400)
    if task == "binary":
        labels, scores = labels[:, 1:2], scores[:, 1:2]
    groups = rng.integers(0, 150, 400)
    rule = conformal_rule(labels, scores, task=task, coverage=0.9, groups=groups)
    possible = possible_classes(scores, rule=rule, task=task)
    if task == "multiclass":
        alone = fit_conformal(labels, scores, coverage=0.9, groups=groups)
        assert possible.tolist() == alone.sets(scores).tolist()
        assert rule.patients == alone.counts
        return
    for index, (truth, values) in enumerate(zip(labels.T, scores.T, strict=True)):
        alone = fit_conformal(two_sided(truth), two_sided(values), coverage=0.9, groups=groups)
        assert possible[:, 2 * index : 2 * index + 2].tolist() == alone.sets(two_sided(values)).tolist()


def test_a_bundles_rule_leaves_out_labels_not_stated_and_rules_nothing_out_on_few_patients() -> None:
    labels = np.array([[1.0, np.nan], [0.0, np.nan], [1.0, 1.0]])
    rule = conformal_rule(labels, np.full((3, 2), 0.5), task="multilabel", coverage=0.9, groups=[0, 1, 2])
    assert rule.lowest == (None,) * 4
    assert rule.patients == (1, 2, 0, 1)
