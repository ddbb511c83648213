"""What a bundle's calibration brought, told from its readings alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from sklearn.metrics import log_loss
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

from overread.evaluation.calibration import apply_calibration, fit_calibration
from overread.evaluation.evaluate import evaluate_readings
from tests.evaluation.made import make_manifest, make_tables


def binary(kind: str):
    rng = np.random.default_rng(0)
    logits = 3 * rng.normal(size=(2000, 1))
    labels = (rng.random((2000, 1)) < expit(0.4 * logits - 1)).astype(float)
    calibration = fit_calibration(logits[:1000], labels[:1000], task="binary", kind=kind)
    scores = apply_calibration(logits, calibration, task="binary")
    manifest = make_manifest(calibration=calibration)
    tables = make_tables(labels[1000:], scores[1000:], manifest=manifest)
    found = evaluate_readings(
        *tables,
        manifest=manifest,
        resamples=10,
        calibration_losses={"malignant": {"platt": 0.5, "none": 0.9}},
    )
    return logits[1000:, 0], labels[1000:, 0], found


@pytest.mark.parametrize("kind", ["platt", "temperature", "isotonic"])
def test_before_and_after_are_those_of_other_libraries(kind) -> None:
    logits, labels, found = binary(kind)
    [said] = found.calibration
    assert (said.of, said.kind, said.log_loss["platt"]) == ("malignant", kind, 0.5)
    plain, truth = torch.tensor(expit(logits)), torch.tensor(labels.astype(int))
    assert said.error_before == pytest.approx(
        float(binary_calibration_error(plain, truth, n_bins=10)), abs=1e-3
    )
    assert said.log_loss_before == pytest.approx(log_loss(labels, expit(logits)), abs=1e-3)
    assert said.error_after == found.overall["calibration_error"].value
    assert said.log_loss_after == pytest.approx(found.overall["log_loss"].value)
    assert said.log_loss_after < said.log_loss_before
    assert said.error_after < said.error_before


def test_a_reader_without_calibration_has_the_same_before_and_after() -> None:
    manifest = make_manifest()
    tables = make_tables([1, 0, 1, 0], [0.9, 0.2, 0.6, 0.4], manifest=manifest)
    [said] = evaluate_readings(*tables, manifest=manifest, resamples=10).calibration
    assert said.kind == "none"
    assert said.error_before == said.error_after
    assert said.log_loss == {}


def test_of_competing_classes_all_and_the_urgent_sum_are_told() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 600)
    logits = 4 * (rng.normal(size=(600, 3)) + np.eye(3)[truth])
    calibration = fit_calibration(logits, np.eye(3)[truth], task="multiclass")
    scores = apply_calibration(logits, calibration, task="multiclass")
    manifest = make_manifest("multiclass", ("a", "b", "c"), urgent=("b", "c"), calibration=calibration)
    tables = make_tables(np.eye(3)[truth], scores, manifest=manifest)
    everything, urgent = evaluate_readings(*tables, manifest=manifest, resamples=10).calibration
    plain = softmax(logits, axis=1)
    assert (everything.of, urgent.of) == ("all classes", "urgent")
    assert everything.log_loss_before == pytest.approx(log_loss(truth, plain), rel=1e-3)
    theirs = multiclass_calibration_error(torch.tensor(plain), torch.tensor(truth), 3, n_bins=10)
    assert everything.error_before == pytest.approx(float(theirs), abs=1e-3)
    assert urgent.log_loss_before == pytest.approx(log_loss(truth > 0, plain[:, 1:].sum(axis=1)), rel=1e-3)
    assert everything.log_loss_after < everything.log_loss_before
