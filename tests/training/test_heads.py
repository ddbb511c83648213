from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from overread.errors import TrainingError
from overread.training.heads import fit_head, fit_linear, grouped_folds, log_loss
from overread.training.imbalance import Imbalance, remedy_for
from overread.training.network import LinearHead, MeanHead, Task


def data(
    task: Task, *, count: int = 90, width: int = 6, classes: int = 1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, targets and patients of three images each."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, width)) * rng.uniform(0.1, 10, width) + rng.normal(size=width)
    hidden = (x - x.mean(0)) / x.std(0) @ rng.normal(size=(width, classes)) + rng.normal(
        size=(count, classes)
    )
    targets = np.eye(classes)[hidden.argmax(1)] if task == "multiclass" else (hidden > 0).astype(float)
    return x, targets, np.arange(count) // 3


def fit(x: np.ndarray, targets: np.ndarray, groups: np.ndarray, **changes: Any) -> Any:
    given: dict[str, Any] = {"kind": "linear", "task": "binary", "folds": 3, "seed": 0}
    given["imbalance"] = Imbalance()
    return fit_head(x, targets, groups=groups, **{**given, **changes})


def sklearn_logits(
    x: np.ndarray, labels: np.ndarray, *, penalty: float, balanced: bool, probes: np.ndarray
) -> np.ndarray:
    model = make_pipeline(
        StandardScaler(),
        # Features are scaled to unit length as well, which is a penalty divided by their number.
        LogisticRegression(
            C=penalty / x.shape[1], class_weight="balanced" if balanced else None, tol=1e-9, max_iter=10_000
        ),
    )
    return np.asarray(model.fit(x, labels).decision_function(probes))


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("penalty", [1.0, 100.0])
def test_a_binary_head_equals_sklearns_standardised_logistic_regression(
    balanced: bool, penalty: float
) -> None:
    x, targets, _ = data("binary")
    weight, bias = fit_linear(x, targets, task="binary", penalty=penalty, balanced=balanced)
    oracle = sklearn_logits(x, targets[:, 0], penalty=penalty, balanced=balanced, probes=x)
    np.testing.assert_allclose((x @ weight.T + bias)[:, 0], oracle, atol=2e-4)


def test_a_head_of_three_classes_equals_sklearns() -> None:
    x, targets, _ = data("multiclass", classes=3)
    weight, bias = fit_linear(x, targets, task="multiclass", penalty=30.0, balanced=True)
    oracle = sklearn_logits(x, targets.argmax(1), penalty=30.0, balanced=True, probes=x)
    assert weight.shape == (3, x.shape[1])
    np.testing.assert_allclose(x @ weight.T + bias, oracle, atol=1e-3)


def test_two_competing_classes_get_two_logits_whose_difference_is_sklearns() -> None:
    x, targets, _ = data("multiclass", classes=2)
    weight, bias = fit_linear(x, targets, task="multiclass", penalty=30.0, balanced=False)
    logits = x @ weight.T + bias
    oracle = sklearn_logits(x, targets.argmax(1), penalty=30.0, balanced=False, probes=x)
    assert logits.shape == (len(x), 2)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], oracle, atol=2e-4)


def test_targets_that_are_not_stated_do_not_count() -> None:
    x, targets, _ = data("multilabel", classes=2)
    targets[::4, 0] = np.nan
    known = ~np.isnan(targets[:, 0])
    weight, bias = fit_linear(x, targets, task="multilabel", penalty=10.0, balanced=True)
    logits = x @ weight.T + bias
    mean, scale = x.mean(0), x.std(0)  # standardised on all rows, as the head does
    model = LogisticRegression(C=10.0 / x.shape[1], class_weight="balanced", tol=1e-9, max_iter=10_000)
    model.fit(((x - mean) / scale)[known], targets[known, 0])
    np.testing.assert_allclose(logits[:, 0], model.decision_function((x - mean) / scale), atol=2e-4)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize(
    ("task", "classes"), [("binary", 1), ("multiclass", 2), ("multiclass", 3), ("multilabel", 3)]
)
def test_held_out_logits_come_from_a_head_blind_to_the_patient(task: Task, classes: int) -> None:
    x, targets, groups = data(task, classes=classes)
    fitted = fit(x, targets, groups, task=task)
    penalty = float(fitted.setting["C"])
    for fold in range(3):
        outside = fitted.folds == fold
        assert not set(groups[outside]) & set(groups[~outside])
        weight, bias = fit_linear(x[~outside], targets[~outside], task=task, penalty=penalty, balanced=True)
        bias = bias - remedy_for(Imbalance(), targets[~outside], task=task).offset
        np.testing.assert_allclose(fitted.held_out_logits[outside], x[outside] @ weight.T + bias, atol=1e-4)
        seen = np.abs(fitted.held_out_logits[~outside] - (x[~outside] @ weight.T + bias)).max()
        assert seen > 1e-3  # the others' logits come from other heads


def test_the_averaged_head_gives_the_mean_of_the_folds_logits() -> None:
    x, targets, groups = data("binary")
    fitted = fit(x, targets, groups)
    penalty, logits_of = float(fitted.setting["C"]), []
    for fold in range(3):
        inside = fitted.folds != fold
        weight, bias = fit_linear(x[inside], targets[inside], task="binary", penalty=penalty, balanced=True)
        offset = remedy_for(Imbalance(), targets[inside], task="binary").offset
        logits_of.append(x @ weight.T + bias - offset)
    expected = np.mean(logits_of, 0)
    assert isinstance(fitted.module, LinearHead)
    logits = fitted.module(torch.from_numpy(x.astype(np.float32))).detach().numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.usefixtures("short_training")
@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_the_same_seed_gives_the_same_head(kind: Literal["linear", "mlp"]) -> None:
    x, targets, groups = data("binary", count=36)
    torch.manual_seed(5)
    first = fit(x, targets, groups, kind=kind, folds=2)
    torch.manual_seed(6)
    second = fit(x, targets, groups, kind=kind, folds=2)
    np.testing.assert_array_equal(first.held_out_logits, second.held_out_logits)
    for one, other in zip(first.module.parameters(), second.module.parameters(), strict=True):
        assert torch.equal(one, other)


def test_another_seed_makes_other_folds() -> None:
    _, targets, groups = data("binary")
    folds = [grouped_folds(targets, groups, task="binary", folds=3, seed=seed) for seed in (0, 1)]
    assert (folds[0] != folds[1]).any()


def test_an_mlp_learns_what_no_linear_head_can() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (160, 2))
    targets = (x[:, :1] * x[:, 1:] > 0).astype(float)
    losses = {
        kind: log_loss(
            fit(x, targets, np.arange(160), kind=kind, folds=2).held_out_logits, targets, task="binary"
        )
        for kind in ("linear", "mlp")
    }
    assert losses["linear"] > 0.65
    assert losses["mlp"] < 0.6


@pytest.mark.usefixtures("short_training")
def test_an_mlp_head_averages_its_folds_without_dropout() -> None:
    x, targets, groups = data("binary", count=36)
    fitted = fit(x, targets, groups, kind="mlp", folds=2)
    assert isinstance(fitted.module, MeanHead)
    inputs = torch.from_numpy(x.astype(np.float32))
    with torch.no_grad():
        both = torch.stack([head(inputs) for head in fitted.module.heads])
        torch.testing.assert_close(fitted.module(inputs), both.mean(0))
        for fold in range(2):
            outside = fitted.folds == fold
            np.testing.assert_allclose(fitted.held_out_logits[outside], both[fold][outside], atol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "mlp"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_class_that_is_in_all_images_or_none_is_refused(
    kind: Literal["linear", "mlp"], value: float
) -> None:
    x, _, groups = data("binary", count=12)
    with pytest.raises(TrainingError, match="a class, or its absence, is in images of 0 patients"):
        fit(x, np.full((12, 1), value), groups, kind=kind)


def test_a_multiclass_head_is_refused_where_a_class_has_no_image() -> None:
    x, targets, groups = data("multiclass", classes=2)
    with pytest.raises(TrainingError):
        fit(x, np.column_stack([targets, np.zeros(len(x))]), groups, task="multiclass")
    with pytest.raises(TrainingError):
        fit_linear(
            x,
            np.column_stack([targets, np.zeros(len(x))]),
            task="multiclass",
            penalty=1.0,
            balanced=False,
        )


def test_a_class_of_one_patient_is_refused_and_one_of_two_gets_two_folds() -> None:
    x, targets, groups = data("binary", count=30)
    targets[:] = 0
    targets[0] = 1
    with pytest.raises(TrainingError, match="images of 1 patient, expected enough to leave some out"):
        fit(x, targets, groups)
    targets[4] = 1
    fitted = fit(x, targets, groups)
    assert fitted.setting["folds"] == 2
    assert fitted.folds[0] != fitted.folds[4]
    assert np.isfinite(fitted.held_out_logits).all()


@pytest.mark.parametrize("seed", range(8))
def test_a_rare_finding_among_many_is_in_every_heads_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = (rng.random((60, 4)) < [0.5, 0.3, 0.2, 0.0]).astype(float)
    targets[rng.permutation(60)[:2], 3] = 1
    groups = np.arange(60)
    fold_of = grouped_folds(targets, groups, task="multilabel", folds=5, seed=seed)
    for fold in np.unique(fold_of):
        assert (targets[fold_of != fold] == 1).any(0).all()


def test_log_loss_is_the_mean_over_what_is_stated() -> None:
    logits = np.array([[0.0, 5.0], [np.log(3), -1.0]])
    targets = np.array([[1.0, np.nan], [0.0, np.nan]])
    assert log_loss(logits, targets, task="multilabel") == pytest.approx((np.log(2) + np.log(4)) / 2)
    competing = log_loss(np.array([[0.0, np.log(3)]]), np.array([[0.0, 1.0]]), task="multiclass")
    assert competing == pytest.approx(-np.log(0.75))
