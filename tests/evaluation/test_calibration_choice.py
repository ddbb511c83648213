from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn.metrics import log_loss

from overread.errors import EvaluationError
from overread.evaluation import metrics
from overread.evaluation.calibration import apply_calibration, fit_calibration
from overread.evaluation.calibration_choice import (
    before_calibration,
    calibrate,
    calibration_gain,
    choose_calibration,
    fit_kind,
)


def data(truth_of, *, n: int = 1500, seed: int = 0):
    """Logits, and labels drawn with the probabilities that `truth_of` gives them."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=n)
    return logits, (rng.random(n) < truth_of(logits)).astype(float), rng.integers(0, n // 3, n)


@pytest.mark.parametrize(
    ("truth_of", "kind"),
    [
        (lambda z: expit(0.3 * z), "temperature"),
        (lambda z: expit(0.5 * z - 2), "platt"),
        (lambda z: np.where(np.abs(z) < 2, 0.5, np.where(z > 0, 0.95, 0.05)), "isotonic"),
    ],
)
def test_the_kind_that_fits_is_chosen(truth_of, kind) -> None:
    logits, labels, groups = data(truth_of, seed=9)
    found = choose_calibration(logits, labels, groups=groups)
    assert found.kind == kind
    assert found.log_loss[kind] == min(found.log_loss.values()) < found.uncalibrated
    assert found.images == 1500


def test_the_log_loss_is_that_of_folds_of_whole_patients() -> None:
    logits, labels, groups = data(lambda z: expit(z), n=200)
    first = choose_calibration(logits, labels, groups=groups, seed=1)
    assert choose_calibration(logits, labels, groups=groups, seed=1) == first
    # Every patient five times over changes nothing where they are known, and flatters where not.
    again = [np.tile(part, 5) for part in (logits, labels, groups)]
    known = choose_calibration(again[0], again[1], groups=again[2])
    unknown = choose_calibration(again[0], again[1], groups=np.arange(1000))
    assert unknown.log_loss["isotonic"] < known.log_loss["isotonic"]
    assert known.log_loss["isotonic"] == pytest.approx(first.log_loss["isotonic"], abs=0.05)


def test_labels_not_stated_are_left_out() -> None:
    logits, labels, groups = data(lambda z: expit(z), n=300)
    labels[::7] = np.nan
    kept = ~np.isnan(labels)
    found = choose_calibration(logits, labels, groups=groups)
    assert found == choose_calibration(logits[kept], labels[kept], groups=groups[kept])


def test_too_few_patients_of_a_kind_are_refused() -> None:
    logits, labels, groups = data(lambda z: expit(z), n=60)
    labels[:] = 0
    labels[:20], groups[:20] = 1, 1
    with pytest.raises(EvaluationError, match="at least 5 patients with the finding, one a fold, got 1"):
        choose_calibration(logits, labels, groups=groups)


def test_the_temperature_is_that_of_the_lowest_log_loss() -> None:
    logits, labels, _ = data(lambda z: expit(0.4 * z), n=400)
    best = minimize_scalar(
        lambda a: log_loss(labels, expit(a * logits)), bounds=(0.05, 5), method="bounded"
    ).x
    assert fit_kind(logits, labels, kind="temperature")(np.array([1.0])) == pytest.approx(
        expit(best), abs=1e-4
    )


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_a_calibration_is_undone_from_its_scores(task) -> None:
    rng = np.random.default_rng(3)
    classes = 1 if task == "binary" else 3
    labels = (rng.random((200, classes)) < 0.4).astype(float)
    if task == "multiclass":
        labels = np.eye(3)[rng.integers(0, 3, 200)]
    logits = 3 * (rng.normal(size=(200, classes)) + labels)
    calibration = fit_calibration(logits, labels, task=task)
    scores = apply_calibration(logits, calibration, task=task)
    plain = expit(logits)
    if task == "multiclass":
        plain = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert before_calibration(scores, calibration, task=task) == pytest.approx(plain, abs=1e-4)


def test_no_calibration_is_undone_to_itself() -> None:
    none = fit_calibration(np.zeros((2, 1)), np.zeros((2, 1)), task="binary")
    assert before_calibration([[0.0], [1.0]], none, task="binary").tolist() == [[0.0], [1.0]]


def test_what_a_calibration_brings_is_told_on_the_same_images() -> None:
    logits, labels, _ = data(lambda z: expit(0.3 * z))
    before, after = expit(logits), fit_kind(logits, labels, kind="temperature")(logits)
    gain = calibration_gain(labels, before, after)
    assert gain.error_after < gain.error_before == metrics.expected_calibration_error(labels, before)
    assert gain.log_loss_after < gain.log_loss_before == pytest.approx(log_loss(labels, before))
    assert np.isnan(list(vars(calibration_gain([np.nan], [0.5], [0.5])).values())).all()


def test_auto_takes_the_kind_of_the_lowest_loss_over_all_findings() -> None:
    logits, labels, groups = data(lambda z: expit(0.5 * z - 2), n=900)
    other = (np.random.default_rng(1).random(900) < expit(0.5 * logits)).astype(float)
    both = np.stack([logits, logits], axis=1), np.stack([labels, other], axis=1)
    found = calibrate(*both, task="multilabel", classes=("a", "b"), groups=groups)
    assert found.calibration == fit_calibration(*both, task="multilabel", kind="platt")
    sums = {kind: sum(by[kind] for by in found.log_loss.values()) for kind in ("temperature", "platt")}
    assert min(sums, key=sums.__getitem__) == "platt"
    assert set(found.log_loss["b"]) == {"temperature", "platt", "none"}
    assert "Isotonic was not tried: it needs 1,000 images" in found.reason


def test_isotonic_is_tried_with_enough_images_and_taken_where_it_is_best() -> None:
    logits, labels, groups = data(lambda z: np.where(np.abs(z) < 2, 0.5, np.where(z > 0, 0.95, 0.05)))
    found = calibrate(logits[:, None], labels[:, None], task="binary", classes=("a",), groups=groups)
    assert found.calibration.kind == "isotonic"
    scores = apply_calibration(logits[:, None], found.calibration, task="binary")
    assert metrics.log_loss(labels, scores[:, 0]) < found.log_loss["a"]["platt"]
    plain = before_calibration(scores.astype(np.float32), found.calibration, task="binary")
    assert plain[:, 0] == pytest.approx(expit(logits), abs=1e-3)


def test_what_is_asked_for_is_taken_and_its_losses_are_told_all_the_same() -> None:
    logits, labels, groups = data(lambda z: expit(0.5 * z - 2), n=300)
    given = {"task": "binary", "classes": ("a",), "groups": groups}
    for kind in ("temperature", "platt", "isotonic"):
        found = calibrate(logits[:, None], labels[:, None], kind=kind, **given)
        assert found.calibration.kind == kind
        assert found.reason == f"{kind.capitalize()} was asked for."
        assert found.log_loss["a"]["platt"] < found.log_loss["a"]["none"]


def test_too_few_patients_to_compare_get_platt_scaling_and_no_losses() -> None:
    logits = np.linspace(-2, 2, 20)[:, None]
    labels = (logits > 0).astype(float)
    found = calibrate(logits, labels, task="binary", classes=("a",), groups=np.arange(20) // 5)
    assert (found.calibration.kind, found.log_loss) == ("platt", {})
    rare = np.where(np.arange(20) == 3, 1.0, 0.0)[:, None]
    found = calibrate(logits, rare, task="binary", classes=("a",), groups=np.arange(20), kind="isotonic")
    assert found.calibration.kind == "platt"
    assert "Isotonic was asked for, and Platt scaling taken" in found.reason


def test_a_multiclass_reader_gets_a_temperature_and_its_losses_of_all_classes() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    logits = 4 * (rng.normal(size=(300, 3)) + np.eye(3)[truth])
    given = {"task": "multiclass", "classes": ("a", "b", "c"), "groups": np.arange(300)}
    found = calibrate(logits, np.eye(3)[truth], **given)
    assert found.calibration == fit_calibration(logits, np.eye(3)[truth], task="multiclass")
    losses = found.log_loss["all classes"]
    plain = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert losses["none"] == pytest.approx(log_loss(truth, plain))
    assert losses["temperature"] < losses["none"]
    with pytest.raises(EvaluationError, match=r"expected auto or temperature .*, got platt"):
        calibrate(logits, np.eye(3)[truth], kind="platt", **given)
