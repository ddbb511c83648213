"""The training loop of one of several processes: its losses are those of whole batches."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as group
from torch import Tensor, nn

from overread.training.distributed_batches import Share, batch_counts
from overread.training.loop import TrainingLoop
from overread.training.losses import mixed_sums, weighted_losses
from overread.training.mix import blended, mix_plan
from overread.training.whole_batch import Part, WholeBatch


class SharedLoop(TrainingLoop):
    """A loop whose every process ends each step with the gradients, losses and weights of a single one's.

    Losses are weighed by the whole batch's sum of weights, not by the part's, so that the mean of the
    processes' gradients is the gradient of the batch however uneven its parts are. The logits of `tune` are
    shared out as well and gathered in every process, so that all stop at the same epoch.

    Args:
        network: As in `TrainingLoop`, whose other arguments follow.
        share: Which part of every batch.
        drawn: Images of train in an epoch.
        batch_size: Images of a whole batch.
        watched: Images of tune.
        said: See `TrainingLoop`.
    """

    def __init__(
        self, network: nn.Module, *, share: Share, drawn: int, batch_size: int, watched: int, **said: Any
    ) -> None:
        super().__init__(network, **said)
        self.share = share
        self.learned_counts = batch_counts(drawn, batch_size, learning=True)
        self.watched_counts = batch_counts(watched, batch_size, learning=False)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """The part's loss as a share of the whole batch's, times the number of processes: DDP takes means."""
        inputs, targets = batch
        count = self.learned_counts[index]
        own = self.share.places(count)
        part = Part(torch.from_numpy(own), count, self.share.counts(count))
        here, given = len(own), self.loss_options()
        plan = mix_plan(count, self.mixing, seed=self.seed, epoch=self.current_epoch, batch=index)
        with WholeBatch(part):
            if plan is None:
                losses, weights = weighted_losses(self(inputs) + self.offset, targets, **given)
                total, weight = losses.sum(), weights.sum()
            else:
                images, share = blended(inputs[:here], inputs[here:], plan)
                total, weight = mixed_sums(
                    self(images) + self.offset, targets[:here], targets[here:], share=share, **given
                )
        if not part.counts:
            total, weight = total * 0, weight * 0
        sums = torch.stack([total.detach(), weight.detach()])
        group.all_reduce(sums)
        whole = sums[1].clamp_min(1e-9)
        self._train_losses.append(float(sums[0] / whole))
        return total / whole * self.share.processes

    def watched(self) -> tuple[Tensor, Tensor]:
        """Logits and targets of all of `tune`, in its order, from all processes."""
        gathered = []
        for values in zip(*self._tune, strict=True):
            whole = torch.zeros(sum(self.watched_counts), *values[0].shape[1:])
            start = 0
            for count, found in zip(self.watched_counts, values, strict=True):
                if self.share.counts(count):
                    whole[start + self.share.places(count)] = found
                start += count
            on_device = whole.to(self.device)
            group.all_reduce(on_device)
            gathered.append(on_device.cpu())
        return gathered[0], gathered[1]
