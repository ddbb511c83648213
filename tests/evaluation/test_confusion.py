"""Figures of the confusion table, at its edges and in resamples; against other libraries: test_oracles."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as oracle

from overread.evaluation import confusion as cf
from overread.evaluation.evaluate import evaluate_readings
from tests.evaluation.made import make_manifest, make_tables


def made(n: int = 60, *, seed: int = 0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    scores = rng.dirichlet(np.ones(3), n) + 0.5 * np.eye(3)[truth]
    return np.eye(3)[truth], scores / scores.sum(axis=1, keepdims=True), truth


def test_a_weight_of_two_is_an_image_twice() -> None:
    labels, scores, truth = made()
    weights = np.random.default_rng(1).integers(0, 3, (5, 60)).astype(float)
    for row in weights:
        many = np.repeat(np.arange(60), row.astype(int))
        best = scores[many].argmax(axis=1)
        expected = (
            oracle.f1_score(truth[many], best, average="macro"),
            oracle.cohen_kappa_score(truth[many], best),
            oracle.matthews_corrcoef(truth[many], best),
        )
        found = [
            of(labels, scores)(row[None])[0] for of in (cf.macro_f1_of, cf.kappa_of, cf.mcc_multiclass_of)
        ]
        assert found == pytest.approx(expected)


def test_images_without_a_label_are_left_out() -> None:
    labels, scores, _ = made()
    more = np.vstack([labels, np.full((5, 3), np.nan)])
    others = np.vstack([scores, np.tile([0.2, 0.3, 0.5], (5, 1))])
    for of in (cf.macro_f1, cf.kappa, cf.mcc_multiclass):
        assert of(more, others) == of(labels, scores)


def test_one_class_only_is_undefined_but_for_its_f1() -> None:
    labels, scores = np.tile([1.0, 0, 0], (4, 1)), np.tile([0.8, 0.1, 0.1], (4, 1))
    assert np.isnan([cf.kappa(labels, scores), cf.mcc_multiclass(labels, scores)]).all()
    assert cf.macro_f1(labels, scores) == 1


def test_an_evaluation_tells_them_with_intervals_and_the_precision_of_each_class() -> None:
    labels, scores, truth = made(200)
    manifest = make_manifest("multiclass", ("a", "b", "c"), urgent=("b",))
    found = evaluate_readings(
        *make_tables(labels, scores, manifest=manifest), manifest=manifest, resamples=100
    )
    best = scores.astype(np.float32).argmax(axis=1)
    for name in ("macro_f1", "kappa", "mcc"):
        assert found.overall[name].low < found.overall[name].value < found.overall[name].high
    precision = oracle.precision_score(truth, best, average=None)
    assert [one.figures["precision"].value for one in found.findings] == pytest.approx(precision.tolist())
