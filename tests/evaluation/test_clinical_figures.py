"""What a clinic asks of a score, against the same images counted by hand and by other libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import (
    binary_sensitivity_at_specificity,
    binary_specificity_at_sensitivity,
)

from overread.evaluation.asked import Asked
from overread.evaluation.clinical_figures import MOST_THRESHOLDS, Scored, sweep_of
from overread.evaluation.evaluate import evaluate_readings
from overread.evaluation.net_benefit import net_benefit
from overread.evaluation.prevalence import npv_at, ppv_at
from tests.evaluation.made import make_manifest, make_scores, make_tables


def binary(n: int = 300, *, seed: int = 0, **settings):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(float)
    scores = make_scores(rng, labels).astype(np.float32).astype(float)
    manifest = make_manifest(threshold=0.37)
    patients = [f"p{k}" for k in rng.integers(0, n // 2, n)]
    tables = make_tables(labels, scores, manifest=manifest, patients=patients)
    found = evaluate_readings(*tables, manifest=manifest, resamples=200, **settings)
    return labels, scores, found.findings[0].clinical


def test_the_sweep_says_what_each_threshold_reaches_and_the_one_that_decides_is_among_them() -> None:
    labels, scores, clinical = binary()
    sweep = clinical.sweep
    assert len(sweep.threshold) <= MOST_THRESHOLDS
    assert list(sweep.threshold) == sorted(set(sweep.threshold))
    assert 0.37 in sweep.threshold
    for at, sensitivity, specificity in zip(*vars(sweep).values(), strict=True):
        assert sensitivity == pytest.approx((scores[labels == 1] >= at).mean())
        assert specificity == pytest.approx((scores[labels == 0] < at).mean())
    assert (sweep.sensitivity[0], sweep.specificity[-1]) == (1, 1)


def test_a_thinned_sweep_leaves_no_gap() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(20_000) < 0.01).astype(float)
    sweep = sweep_of(Scored(labels, make_scores(rng, labels), np.nan))
    assert len(sweep.threshold) <= MOST_THRESHOLDS
    assert (sweep.sensitivity[0], sweep.sensitivity[-1]) == (1, 0)
    assert (sweep.specificity[0], sweep.specificity[-1]) == (0, 1)
    # A step may fall on a positive, of which there are some 200, and reach half a step further.
    assert -np.diff(sweep.sensitivity).min() < 0.02
    assert np.diff(sweep.specificity).max() < 0.02


def test_fixed_points_agree_with_torchmetrics() -> None:
    asked = Asked(sensitivities=(0.8, 0.95), specificities=(0.7, 0.9))
    labels, scores, clinical = binary(asked=asked)
    preds, target = torch.tensor(scores), torch.tensor(labels.astype(int))
    theirs = [binary_sensitivity_at_specificity(preds, target, at)[0] for at in (0.7, 0.9)]
    theirs += [binary_specificity_at_sensitivity(preds, target, at)[0] for at in (0.8, 0.95)]
    assert [(one.held, one.at) for one in clinical.fixed] == [
        ("specificity", 0.7),
        ("specificity", 0.9),
        ("sensitivity", 0.8),
        ("sensitivity", 0.95),
    ]
    for one, value in zip(clinical.fixed, theirs, strict=True):
        assert one.other.value == pytest.approx(float(value), abs=1e-6)
        assert one.other.low < one.other.value < one.other.high
        called = scores >= one.threshold
        rates = {"sensitivity": called[labels == 1].mean(), "specificity": (~called[labels == 0]).mean()}
        assert rates.pop(one.held) >= one.at
        assert rates.popitem()[1] == pytest.approx(one.other.value)


def test_predictive_values_are_those_of_bayes_at_each_prevalence() -> None:
    labels, scores, clinical = binary(asked=Asked(prevalences=(0.01, 0.3)))
    for one, rate in zip(clinical.predictive, (0.01, 0.3), strict=True):
        assert one.prevalence == rate
        assert one.ppv.value == pytest.approx(ppv_at(labels, scores >= 0.37, prevalence=rate))
        assert one.npv.value == pytest.approx(npv_at(labels, scores >= 0.37, prevalence=rate))
        assert one.ppv.low < one.ppv.value < one.ppv.high


def test_the_decision_curve_lies_in_its_band() -> None:
    labels, scores, clinical = binary()
    curve = clinical.net_benefit
    share = labels.mean()
    for at, reader, low, high, everyone in zip(*vars(curve).values(), strict=True):
        assert reader == pytest.approx(net_benefit(labels, scores, threshold=at))
        assert everyone == pytest.approx(share - (1 - share) * at / (1 - at))
        assert low <= reader <= high
    assert (np.array(curve.high) > np.array(curve.low))[:40].all()


def test_one_truth_only_has_no_sweep_no_curve_band_and_undefined_points() -> None:
    manifest = make_manifest()
    readings, reference = make_tables(np.zeros(20), np.linspace(0.1, 0.7, 20), manifest=manifest)
    found = evaluate_readings(readings, reference, manifest=manifest, resamples=100)
    clinical = found.findings[0].clinical
    assert clinical.sweep.threshold == ()
    assert all(np.isnan([one.other.value, one.threshold]).all() for one in clinical.fixed)
    assert all(np.isnan(one.ppv.value) for one in clinical.predictive)
    assert clinical.net_benefit.reader[0] == pytest.approx(-0.01 / 0.99)


def test_nothing_asked_nothing_told() -> None:
    _, _, clinical = binary(asked=Asked((), (), (), ()))
    assert (clinical.fixed, clinical.predictive) == ((), ())


def test_the_urgent_sum_of_a_multiclass_reader_has_its_own() -> None:
    rng = np.random.default_rng(4)
    truth = rng.choice(3, 200)
    logits = rng.normal(size=(200, 3)) + 1.5 * np.eye(3)[truth]
    scores = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    manifest = make_manifest("multiclass", ("nv", "mel", "bcc"), urgent=("mel", "bcc"), threshold=0.4)
    tables = make_tables(np.eye(3)[truth], scores, manifest=manifest)
    found = evaluate_readings(*tables, manifest=manifest, resamples=50)
    assert found.triage is not None
    clinical, both = found.triage.clinical, scores[:, 1].astype(float) + scores[:, 2]
    assert clinical.predictive[0].ppv.value == pytest.approx(ppv_at(truth > 0, both >= 0.4, prevalence=0.01))
    assert 0.4 in clinical.sweep.threshold
    assert found.findings[1].clinical.predictive == ()  # a class of a multiclass reader has no threshold
    assert len(found.findings[1].clinical.fixed) == 6


def test_the_urgency_of_a_multilabel_reader_has_predictive_values_alone() -> None:
    rng = np.random.default_rng(5)
    labels = (rng.random((150, 2)) < 0.4).astype(float)
    scores = make_scores(rng, labels).astype(np.float32).astype(float)
    manifest = make_manifest("multilabel", ("a", "b"), urgent=("a", "b"))
    found = evaluate_readings(
        *make_tables(labels, scores, manifest=manifest), manifest=manifest, resamples=50
    )
    assert found.triage is not None
    clinical = found.triage.clinical
    called = (scores >= 0.5).any(axis=1)
    expected = ppv_at(labels.any(axis=1), called, prevalence=0.05)
    assert clinical.predictive[1].ppv.value == pytest.approx(expected)
    assert clinical.sweep.threshold == clinical.net_benefit.threshold == clinical.fixed == ()
