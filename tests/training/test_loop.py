from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torchvision.ops import sigmoid_focal_loss

from overread.training.imbalance import Remedy
from overread.training.loop import TrainingLoop, mean_auc, quiet_lightning, task_loss

NAN = math.nan
NO_REMEDY = Remedy(np.ones((1, 2)), None, 0.0, np.zeros(1))


def test_targets_that_are_not_stated_do_not_count_in_the_loss() -> None:
    logits = torch.tensor([[0.0, 2.0], [1.0, -3.0]])
    targets = torch.tensor([[1.0, NAN], [0.0, 1.0]])
    loss = task_loss(logits, targets, task="multilabel", class_weights=torch.ones(2, 2))
    by_hand = (math.log(2) + math.log(1 + math.exp(1)) + math.log(1 + math.exp(3))) / 3
    assert float(loss) == pytest.approx(by_hand, rel=1e-6)


def test_no_gradient_flows_from_a_target_that_is_not_stated() -> None:
    logits = torch.zeros(1, 2, requires_grad=True)
    task_loss(
        logits, torch.tensor([[1.0, NAN]]), task="multilabel", class_weights=torch.ones(2, 2)
    ).backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] != 0
    assert logits.grad[0, 1] == 0


def test_the_loss_is_a_weighted_mean() -> None:
    logits, targets = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [0.0]])
    loss = task_loss(logits, targets, task="binary", class_weights=torch.tensor([[0.5, 3.0]]))
    by_hand = (3 * math.log(2) + 0.5 * math.log(1 + math.e)) / 3.5
    assert float(loss) == pytest.approx(by_hand, rel=1e-6)


def test_a_batch_without_any_stated_target_has_no_loss() -> None:
    loss = task_loss(torch.ones(2, 1), torch.full((2, 1), NAN), task="binary", class_weights=torch.ones(1, 2))
    assert float(loss) == 0


def test_classes_compete_in_a_multiclass_loss() -> None:
    logits, targets = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    loss = task_loss(logits, targets, task="multiclass", class_weights=torch.tensor([2.0, 1.0]))
    assert float(loss) == pytest.approx((-math.log(0.75) + 2 * math.log(2)) / 3, rel=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("alpha", [-1, 0.25])
def test_the_focal_loss_of_findings_is_torchvisions(gamma: float, alpha: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 3, generator=generator) * 4
    targets = (torch.rand(50, 3, generator=generator) < 0.3).float()
    weights = torch.ones(3, 2) if alpha < 0 else torch.tensor([[1 - alpha, alpha]] * 3)
    expected = sigmoid_focal_loss(logits, targets, alpha=alpha, gamma=gamma, reduction="sum")
    expected = expected / torch.where(targets > 0.5, weights[:, 1], weights[:, 0]).sum()
    loss = task_loss(logits, targets, task="multilabel", class_weights=weights, gamma=gamma)
    torch.testing.assert_close(loss, expected)


def test_the_focal_loss_of_two_competing_classes_is_that_of_one_finding() -> None:
    logit = torch.linspace(-6, 6, 20)[:, None]
    truth = (torch.arange(20) % 3 == 0).long()
    two = task_loss(
        torch.cat([torch.zeros_like(logit), logit], 1),
        torch.eye(2)[truth],
        task="multiclass",
        class_weights=torch.ones(2),
        gamma=2.0,
    )
    one = task_loss(logit, truth[:, None].float(), task="binary", class_weights=torch.ones(1, 2), gamma=2.0)
    torch.testing.assert_close(two, one)


def test_the_focal_loss_of_an_image_read_without_doubt_has_a_gradient() -> None:
    logits = torch.tensor([[60.0]], requires_grad=True)
    task_loss(logits, torch.ones(1, 1), task="binary", class_weights=torch.ones(1, 2), gamma=0.5).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_the_offset_is_added_in_training_alone() -> None:
    remedy = Remedy(np.ones((1, 2)), None, 0.0, np.array([2.0]))
    loop = TrainingLoop(nn.Identity(), task="binary", remedy=remedy, rates=[], weight_decay=0)
    batch = torch.tensor([[0.5], [-1.0]]), torch.tensor([[1.0], [0.0]])
    shifted = task_loss(batch[0] + 2, batch[1], task="binary", class_weights=torch.ones(1, 2))
    torch.testing.assert_close(loop.training_step(batch, 0), shifted)
    loop.validation_step(batch, 0)
    torch.testing.assert_close(loop._tune[0][0], batch[0])


def test_mean_auc_is_sklearns_over_classes_with_both_kinds() -> None:
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(40, 3)), rng.integers(0, 2, (40, 3)).astype(float)
    targets[:, 2] = 1
    targets[5:9, 0] = NAN
    known = ~np.isnan(targets[:, 0])
    expected = np.mean(
        [roc_auc_score(targets[known, 0], logits[known, 0]), roc_auc_score(targets[:, 1], logits[:, 1])]
    )
    assert mean_auc(logits, targets, task="multilabel") == pytest.approx(expected)
    assert math.isnan(mean_auc(logits[:, 2:], targets[:, 2:], task="binary"))


def test_a_multiclass_auc_ranks_by_shares_not_by_logits() -> None:
    logits = np.array([[5.0, 5.0], [1.0, 0.0], [0.0, 1.0], [9.0, 7.0]])
    targets = np.eye(2)[[1, 0, 1, 0]]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = np.mean([roc_auc_score(targets[:, k], shares[:, k]) for k in range(2)])
    assert mean_auc(logits, targets, task="multiclass") == pytest.approx(expected)


def _loop(network: nn.Module, *, freeze: bool) -> TrainingLoop:
    return TrainingLoop(
        network,
        task="binary",
        remedy=NO_REMEDY,
        rates=[],
        weight_decay=0,
        freeze_batch_norm=freeze,
    )


def _epoch_start(loop: TrainingLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingLoop, "current_epoch", 0)
    loop.on_train_epoch_start()


def test_an_epoch_wakes_a_network_that_comes_in_evaluation_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout()).eval()
    _epoch_start(_loop(network, freeze=False), monkeypatch)
    assert all(module.training for module in network.modules())


def test_frozen_and_untrained_batch_norms_stay_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout())
    _epoch_start(_loop(network, freeze=True), monkeypatch)
    assert [module.training for module in network] == [False, True]

    network[0].requires_grad_(False)
    _epoch_start(_loop(network, freeze=False), monkeypatch)
    assert [module.training for module in network] == [False, True]


def test_determinism_is_not_left_switched_on_for_the_caller() -> None:
    before = torch.are_deterministic_algorithms_enabled()
    with quiet_lightning():
        torch.use_deterministic_algorithms(not before)
    assert torch.are_deterministic_algorithms_enabled() is before
