"""What training makes small: weighted log loss or focal loss, for hard, smoothed and mixed targets."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from overread.training.mix import Mixed
from overread.training.network import Task


def task_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    task: Task,
    class_weights: Tensor,
    gamma: float = 0.0,
    smoothing: float = 0.0,
) -> Tensor:
    """Mean negative log likelihood, or focal loss; targets that are not stated (NaN) do not count.

    Args:
        logits: `float32 [n, outputs]`.
        targets: `float32 [n, classes]`, 1, 0 or NaN.
        task: Softmax for multiclass, else a sigmoid a class.
        class_weights: `[classes]` for multiclass, else `[classes, 2]` of absent and present.
        gamma: Each loss is weighed by (1 - p) ** gamma, p being the score of what is true (Lin et al.
            2017, eq. 5).
        smoothing: Share of the target that is spread over all classes alike (Szegedy 2016, §7).
    """
    losses, weights = weighted_losses(
        logits, targets, task=task, class_weights=class_weights, gamma=gamma, smoothing=smoothing
    )
    return losses.sum() / weights.sum().clamp_min(1e-9)


def mixed_loss(
    logits: Tensor,
    targets: Tensor,
    mixed: Mixed,
    *,
    task: Task,
    class_weights: Tensor,
    gamma: float = 0.0,
    smoothing: float = 0.0,
) -> Tensor:
    """The loss of mixed images: that of either target, each by its own weight and its share of the image.

    A weighted mean as `task_loss` is: a target that is not stated takes nothing from the other's part.
    """
    given: dict[str, Any] = {
        "task": task,
        "class_weights": class_weights,
        "gamma": gamma,
        "smoothing": smoothing,
    }
    total, weight = mixed_sums(logits, targets, targets[mixed.partner], share=mixed.share, **given)
    return total / weight.clamp_min(1e-9)


def mixed_sums(
    logits: Tensor, targets: Tensor, others: Tensor, *, share: float, **given: Any
) -> tuple[Tensor, Tensor]:
    """Sums of weighted losses and of their weights, over images whose partners have the targets `others`.

    The other arguments are those of `weighted_losses`.
    """
    own, own_weights = weighted_losses(logits, targets, **given)
    other, other_weights = weighted_losses(logits, others, **given)
    rest = 1 - share
    total = share * own.sum() + rest * other.sum()
    return total, share * own_weights.sum() + rest * other_weights.sum()


def weighted_losses(
    logits: Tensor, targets: Tensor, *, task: Task, class_weights: Tensor, gamma: float, smoothing: float
) -> tuple[Tensor, Tensor]:
    """Losses times their weights, and the weights: `[n]` for multiclass, else `[n, classes]`."""
    if task == "multiclass":
        truth = targets.argmax(1)
        weights = class_weights[truth]
        if not gamma and not smoothing:
            return F.cross_entropy(logits, truth, reduction="none") * weights, weights
        every = _focal(-logits.log_softmax(1), gamma)
        losses = every.gather(1, truth[:, None])[:, 0]
        return ((1 - smoothing) * losses + smoothing * every.mean(1)) * weights, weights
    known = ~targets.isnan()
    filled = torch.where(known, targets, torch.zeros_like(targets))
    weights = torch.where(filled > 0.5, class_weights[:, 1], class_weights[:, 0]) * known
    losses = _focal(F.binary_cross_entropy_with_logits(logits, filled, reduction="none"), gamma)
    if smoothing:
        other = _focal(F.binary_cross_entropy_with_logits(logits, 1 - filled, reduction="none"), gamma)
        losses = (1 - smoothing / 2) * losses + smoothing / 2 * other
    return losses * weights, weights


def _focal(losses: Tensor, gamma: float) -> Tensor:
    """Log losses weighed by how wrong they are."""
    return losses * (-torch.expm1(-losses)).clamp_min(1e-7) ** gamma if gamma else losses
