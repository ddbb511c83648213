from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from overread.training.losses import mixed_loss, task_loss
from overread.training.mix import Mixed

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(40, 3, generator=GENERATOR) * 3
CHOSEN = torch.arange(40) % 3
FOUND = (torch.rand(40, 3, generator=GENERATOR) < 0.4).float()
PARTNER = torch.arange(40).roll(7)
NAN = float("nan")


def mixed(share: float) -> Mixed:
    return Mixed(torch.zeros(40, 1, 1, 1), PARTNER, share)


def test_smoothed_multiclass_targets_are_torchs() -> None:
    loss = task_loss(
        LOGITS, F.one_hot(CHOSEN).float(), task="multiclass", class_weights=torch.ones(3), smoothing=0.2
    )
    torch.testing.assert_close(loss, F.cross_entropy(LOGITS, CHOSEN, label_smoothing=0.2))


def test_smoothed_findings_are_soft_targets() -> None:
    loss = task_loss(LOGITS, FOUND, task="multilabel", class_weights=torch.ones(3, 2), smoothing=0.2)
    expected = F.binary_cross_entropy_with_logits(LOGITS, FOUND * 0.8 + 0.1)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_two_smoothed_classes_are_one_smoothed_finding(gamma: float) -> None:
    truth = CHOSEN % 2
    one = task_loss(
        LOGITS[:, :1], truth[:, None].float(), task="binary", class_weights=torch.ones(1, 2),
        gamma=gamma, smoothing=0.1,
    )  # fmt: skip
    two = task_loss(
        torch.cat([torch.zeros(40, 1), LOGITS[:, :1]], 1), F.one_hot(truth, 2).float(), task="multiclass",
        class_weights=torch.ones(2), gamma=gamma, smoothing=0.1,
    )  # fmt: skip
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_mixed_findings_without_weights_are_soft_targets(share: float) -> None:
    loss = mixed_loss(LOGITS, FOUND, mixed(share), task="multilabel", class_weights=torch.ones(3, 2))
    soft = share * FOUND + (1 - share) * FOUND[PARTNER]
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(LOGITS, soft))


def test_mixed_classes_without_weights_are_torchs_with_probabilities() -> None:
    one_hot = F.one_hot(CHOSEN).float()
    loss = mixed_loss(LOGITS, one_hot, mixed(0.3), task="multiclass", class_weights=torch.ones(3))
    torch.testing.assert_close(loss, F.cross_entropy(LOGITS, 0.3 * one_hot + 0.7 * one_hot[PARTNER]))


@pytest.mark.parametrize(
    ("task", "targets", "weights"),
    [
        ("multiclass", F.one_hot(CHOSEN).float(), torch.tensor([2.0, 0.5, 1.0])),
        ("multilabel", FOUND, torch.tensor([[0.5, 3.0], [1.0, 1.0], [0.7, 1.5]])),
    ],
)
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_each_target_of_a_mixed_image_counts_by_its_own_weight(
    task: Any, targets: torch.Tensor, weights: torch.Tensor, gamma: float
) -> None:
    given: dict[str, Any] = {"task": task, "class_weights": weights, "gamma": gamma, "smoothing": 0.1}
    # As if each image stood there twice, once with either target, drawn by the shares.
    twice = task_loss(torch.cat([LOGITS] * 10), torch.cat([targets] * 3 + [targets[PARTNER]] * 7), **given)
    torch.testing.assert_close(mixed_loss(LOGITS, targets, mixed(0.3), **given), twice)


def test_a_target_that_is_not_stated_takes_nothing_from_its_partners() -> None:
    logits = torch.tensor([[1.0], [2.0]], requires_grad=True)
    targets = torch.tensor([[1.0], [NAN]])
    both = Mixed(torch.zeros(2, 1, 1, 1), torch.tensor([1, 0]), 0.25)
    loss = mixed_loss(logits, targets, both, task="binary", class_weights=torch.ones(1, 2))
    by_hand = 0.25 * math.log(1 + math.exp(-1)) + 0.75 * math.log(1 + math.exp(-2))
    assert loss.item() == pytest.approx(by_hand, rel=1e-6)
    loss.backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_a_mixed_batch_without_any_stated_target_has_no_loss() -> None:
    loss = mixed_loss(
        LOGITS[:, :1], torch.full((40, 1), NAN), mixed(0.5), task="binary", class_weights=torch.ones(1, 2)
    )
    assert float(loss) == 0
