"""The training loop: losses, schedule and frozen statistics as a Lightning module."""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Iterator
from typing import Any

import lightning as L
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from overread.training.average import RunningMean
from overread.training.imbalance import Remedy
from overread.training.losses import mixed_loss, task_loss
from overread.training.mix import Mix, mix
from overread.training.network import MLPHead, Task


class TrainingLoop(L.LightningModule):
    """One network under one loss; keeps its own history, so that it survives in checkpoints.

    Args:
        network: Inputs to logits `[n, outputs]`.
        task: Binary and multilabel are scored a class, multiclass by softmax.
        remedy: Weights and exponent of the loss. The network's logits are those of the cohort as it is: the
            remedy's offset is added in training alone.
        rates: Parameter groups with their learning rates.
        weight_decay: AdamW's (Loshchilov 2019).
        freeze_batch_norm: Keep batch normalisation at its pretrained statistics; in layers that are not
            trained it is kept anyway.
        seed: Dropout in an epoch depends on this and the epoch's number alone, so a resumed run is the same.
        example: An input for TensorBoard's graph.
        mixing: Whether images of a batch are blended or patches of them exchanged.
        smoothing: How far the targets are drawn towards undecided, 0..0.5.
        decay: Of the running mean of weights that is watched and kept; 0: the weights themselves are.
    """

    class_weights: Tensor
    offset: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        task: Task,
        remedy: Remedy,
        rates: list[dict[str, Any]],
        weight_decay: float,
        freeze_batch_norm: bool = False,
        seed: int = 0,
        example: Tensor | None = None,
        mixing: Mix = "none",
        smoothing: float = 0.0,
        decay: float = 0.0,
    ) -> None:
        super().__init__()
        self.network, self.task, self.rates = network, task, rates
        self.weight_decay, self.freeze_batch_norm, self.seed = weight_decay, freeze_batch_norm, seed
        self.gamma, self.mixing, self.smoothing = remedy.gamma, mixing, smoothing
        self.average = RunningMean(network, decay=decay) if decay else None
        self._own: dict[str, Tensor] | None = None
        for name, value in (("class_weights", remedy.class_weights), ("offset", remedy.offset)):
            self.register_buffer(name, torch.from_numpy(np.asarray(value, np.float32)), persistent=False)
        self.history: list[dict[str, float]] = []
        self._train_losses: list[float] = []
        self._tune: list[tuple[Tensor, Tensor]] = []
        if example is not None:
            self.example_input_array = example

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs to logits `[n, outputs]`."""
        if inputs.ndim == 4:  # convolutions on the CPU are about a sixth faster with channels last
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.network(inputs)
        return logits

    def on_train_epoch_start(self) -> None:
        """Seed dropout by the epoch and put batch normalisation to sleep."""
        torch.manual_seed(self.seed * 100_003 + self.current_epoch)
        self._train_losses.clear()
        # Lightning leaves modules as they come, and a reader comes in evaluation mode.
        self.network.train()
        for module in self.network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                untrained = module.weight is not None and not module.weight.requires_grad
                module.train(not (self.freeze_batch_norm or untrained))

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """The weighted loss of one batch, mixed where that is wanted."""
        inputs, targets = batch
        given = self.loss_options()
        mixed = None
        if self.mixing != "none":
            mixed = mix(inputs, self.mixing, seed=self.seed, epoch=self.current_epoch, batch=index)
        if mixed is None:
            loss = task_loss(self(inputs) + self.offset, targets, **given)
        else:
            loss = mixed_loss(self(mixed.images) + self.offset, targets, mixed, **given)
        self._train_losses.append(float(loss.detach()))
        return loss

    def loss_options(self) -> dict[str, Any]:
        """What the functions of `losses` are told."""
        return {
            "task": self.task,
            "class_weights": self.class_weights,
            "gamma": self.gamma,
            "smoothing": self.smoothing,
        }

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Take the new weights into the running mean."""
        del outputs, batch, batch_idx
        if self.average is not None:
            self.average.update(self.network)

    def on_validation_epoch_start(self) -> None:
        """What is watched is what would be kept."""
        if self.average is not None:
            self._own = self.average.swap_in(self.network)

    def kept_state(self) -> dict[str, Tensor]:
        """The weights that would be kept now: averaged, where that is wanted."""
        return self.network.state_dict() if self.average is None else self.average.mean

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Keep the logits of one batch of `tune`."""
        del index
        self._tune.append((self(batch[0]).detach().cpu(), batch[1].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Losses and AUC of the epoch, for early stopping, TensorBoard and the report."""
        if self._own is not None:
            self.network.load_state_dict(self._own)
            self._own = None
        logits, targets = self.watched()
        self._tune.clear()
        weights = torch.ones_like(self.class_weights).cpu()
        loss = float(task_loss(logits, targets, task=self.task, class_weights=weights))
        auc = mean_auc(logits.numpy(), targets.numpy(), task=self.task)
        self.log("tune_loss", loss)
        if not math.isnan(auc):
            self.log("tune_auc", auc)
        if not self.trainer.sanity_checking:
            train_loss = float(np.mean(self._train_losses)) if self._train_losses else math.nan
            learning_rate = float(self.trainer.optimizers[0].param_groups[-1]["lr"])
            self.log_dict({"train_loss": train_loss, "learning_rate": learning_rate})
            self.history.append(
                {
                    "epoch": self.current_epoch,
                    "train_loss": train_loss,
                    "tune_loss": loss,
                    "tune_auc": auc,
                    "learning_rate": learning_rate,
                }
            )

    def watched(self) -> tuple[Tensor, Tensor]:
        """Logits and targets of all of `tune`, in its order."""
        return torch.cat([part[0] for part in self._tune]), torch.cat([part[1] for part in self._tune])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the history and the running mean into the checkpoint."""
        checkpoint["history"] = [dict(row) for row in self.history]
        if self.average is not None:
            checkpoint["average"] = self.average.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the history and the running mean from the checkpoint."""
        self.history = [dict(row) for row in checkpoint["history"]]
        if self.average is not None:
            self.average.restore(checkpoint["average"])

    def configure_optimizers(self) -> Any:
        """AdamW with one epoch of warm-up, then a cosine to zero (Loshchilov 2017)."""
        optimizer = torch.optim.AdamW(self.rates, weight_decay=self.weight_decay, fused=True)
        total = max(1, int(self.trainer.estimated_stepping_batches))
        warm = max(1, total // max(1, self.trainer.max_epochs or 1))

        def factor(step: int) -> float:
            if step < warm:
                return (step + 1) / warm
            return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, total - warm))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def mean_auc(logits: npt.NDArray[np.floating], targets: npt.NDArray[np.floating], *, task: Task) -> float:
    """Mean over classes of the area under the ROC curve; NaN where no class has both kinds."""
    from sklearn.metrics import roc_auc_score

    if task == "multiclass":
        logits = logits - logits.max(1, keepdims=True)
        logits = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    if not np.isfinite(logits).all():  # training diverged
        return math.nan
    areas = []
    for score, target in zip(logits.T, targets.T, strict=True):
        known = ~np.isnan(target)
        if len(np.unique(target[known])) == 2:
            areas.append(roc_auc_score(target[known], score[known]))
    return float(np.mean(areas)) if areas else math.nan


def fit_mlp(
    head: MLPHead,
    features: npt.NDArray[np.floating],
    targets: npt.NDArray[np.floating],
    *,
    task: Task,
    remedy: Remedy,
    seed: int,
    epochs: int = 60,
) -> MLPHead:
    """Train a head with dropout on cached features for a fixed number of epochs.

    Args:
        head: With the features' mean and standard deviation inside.
        features: `[n, d]`.
        targets: `[n, classes]`.
        task: Decides the loss.
        remedy: Against imbalance; images may be drawn more than once an epoch.
        seed: Of order and dropout.
        epochs: Passes over the features.
    """
    rows = TensorDataset(
        torch.from_numpy(np.asarray(features, np.float32)), torch.from_numpy(np.asarray(targets, np.float32))
    )
    order = torch.Generator().manual_seed(seed)
    drawn = None
    if remedy.chances is not None:
        drawn = WeightedRandomSampler(remedy.chances.tolist(), len(rows), generator=order)
    loop = TrainingLoop(
        head,
        task=task,
        remedy=remedy,
        rates=[{"params": list(head.parameters()), "lr": 1e-3}],
        weight_decay=0.05,
        seed=seed,
    )
    with quiet_lightning():
        trainer = L.Trainer(max_epochs=epochs, logger=False, **PLAIN_TRAINER)
        trainer.fit(
            loop, DataLoader(rows, batch_size=64, shuffle=drawn is None, sampler=drawn, generator=order)
        )
    return head.cpu().eval()


PLAIN_TRAINER: dict[str, Any] = {
    "accelerator": "cpu",
    "devices": 1,
    "deterministic": True,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}
"""A trainer that neither prints nor guesses."""


@contextlib.contextmanager
def quiet_lightning() -> Iterator[None]:
    """Lightning's hints are for whoever writes loops, not for whoever runs studies."""
    exact = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        # Lightning switches this on for the whole process.
        torch.use_deterministic_algorithms(exact, warn_only=warn_only)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
