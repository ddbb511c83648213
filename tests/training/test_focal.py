from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import check_grad, minimize
from torch import nn
from torchvision.ops import sigmoid_focal_loss

from overread.training.focal import focal_loss
from overread.training.heads import fit_linear
from overread.training.network import FocalHead, Task, proper_logits


def made(task: Task) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(40, 3)) * 5
    targets = (
        np.eye(3)[rng.integers(0, 3, 40)]
        if task == "multiclass"
        else rng.integers(0, 2, (40, 3)).astype(float)
    )
    return logits, targets


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_the_loss_of_findings_is_torchvisions(gamma: float) -> None:
    logits, targets = made("multilabel")
    expected = sigmoid_focal_loss(torch.from_numpy(logits), torch.from_numpy(targets), alpha=-1, gamma=gamma)
    loss, _ = focal_loss(logits, targets, task="multilabel", gamma=gamma)
    np.testing.assert_allclose(loss, expected.sum(1).numpy(), rtol=1e-9)
    targets[3, 1] = np.nan
    without, slope = focal_loss(logits, targets, task="multilabel", gamma=gamma)
    assert loss[3] - without[3] == pytest.approx(float(expected[3, 1]))
    assert slope[3, 1] == 0


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("gamma", [0.0, 0.7, 2.0])
def test_the_slope_is_that_of_the_loss(task: Task, gamma: float) -> None:
    logits, targets = made(task)

    def total(flat: np.ndarray) -> float:
        return float(focal_loss(flat.reshape(40, 3), targets, task=task, gamma=gamma)[0].sum())

    def slope(flat: np.ndarray) -> np.ndarray:
        return focal_loss(flat.reshape(40, 3), targets, task=task, gamma=gamma)[1].ravel()

    assert check_grad(total, slope, logits.ravel()) < 1e-4


def test_an_image_read_without_doubt_has_a_finite_loss_and_slope() -> None:
    logits = np.array([[800.0], [-800.0], [0.0]])
    for gamma in (0.0, 0.5, 2.0):
        loss, slope = focal_loss(logits, np.ones((3, 1)), task="binary", gamma=gamma)
        assert np.isfinite(loss).all()
        assert np.isfinite(slope).all()


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_a_head_of_little_focus_is_the_logistic_regression_and_focus_changes_it(task: Task) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 5))
    hidden = x @ rng.normal(size=(5, 3)) + rng.normal(size=(120, 3))
    targets = np.eye(3)[hidden.argmax(1)] if task == "multiclass" else (hidden > 0.5).astype(float)
    targets = targets[:, :1] if task == "binary" else targets
    fit = {
        gamma: fit_linear(x, targets, task=task, penalty=10.0, balanced=False, gamma=gamma)
        for gamma in (0.0, 1e-9, 2.0)
    }
    logits = {gamma: x @ weight.T + bias for gamma, (weight, bias) in fit.items()}
    np.testing.assert_allclose(logits[1e-9], logits[0.0], atol=1e-3)
    # Scores of a focal head are timid: it does not care to be surer.
    assert np.abs(logits[2.0]).mean() < 0.8 * np.abs(logits[0.0]).mean()


def test_a_focal_head_is_a_minimum() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 3))
    x = (x - x.mean(0)) / x.std(0)
    targets = (x[:, :1] + rng.normal(size=(80, 1)) > 1).astype(float)
    weight, bias = fit_linear(x, targets, task="binary", penalty=5.0, balanced=False, gamma=2.0)

    def cost(weight: np.ndarray, bias: np.ndarray) -> float:
        loss, _ = focal_loss(x @ weight.T + bias, targets, task="binary", gamma=2.0)
        return float(5.0 * loss.sum() + (weight**2).sum() * 3 / 2)  # features of unit length: 3 of them

    best = cost(weight, bias)
    for step in np.eye(4) * 1e-2:
        for sign in (-1, 1):
            assert cost(weight + sign * step[:3], bias + sign * step[3]) > best


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_proper_logits_are_those_of_the_probabilities_behind_the_least_focal_loss(
    task: Task, gamma: float
) -> None:
    truth = np.array([0.7, 0.25, 0.05]) if task == "multiclass" else np.array([0.1])

    def expected_loss(free: np.ndarray) -> float:
        logits = np.append(free, 0.0)[None] if task == "multiclass" else free[None]
        sides = np.eye(3) if task == "multiclass" else np.array([[1.0], [0.0]])
        chances = truth if task == "multiclass" else np.array([truth[0], 1 - truth[0]])
        losses = [focal_loss(logits, side[None], task=task, gamma=gamma)[0][0] for side in sides]
        return float(chances @ losses)

    free = minimize(expected_loss, np.zeros(2 if task == "multiclass" else 1), tol=1e-12).x
    timid = np.append(free, 0.0) if task == "multiclass" else free
    logits = proper_logits(torch.from_numpy(timid), task=task, gamma=gamma)
    found = (logits.softmax(-1) if task == "multiclass" else logits.sigmoid()).numpy()
    np.testing.assert_allclose(found, truth, atol=1e-4)


def test_proper_logits_are_finite_and_rise_with_the_head_even_without_doubt() -> None:
    logits = torch.linspace(-40, 40, 81)[:, None]
    found = proper_logits(logits, task="binary", gamma=2.0)[:, 0]
    assert torch.isfinite(found).all()
    assert (found.diff()[24:56] > 0).all()
    assert torch.isfinite(
        proper_logits(logits * torch.tensor([1.0, -1.0]), task="multiclass", gamma=2.0)
    ).all()


def test_a_focal_head_learns_by_its_own_logits_and_answers_with_proper_ones() -> None:
    head = FocalHead(nn.Identity(), task="binary", gamma=2.0)
    logits = torch.tensor([[-2.0], [1.0]])
    assert torch.equal(head.train()(logits), logits)
    torch.testing.assert_close(head.eval()(logits), proper_logits(logits, task="binary", gamma=2.0))
