"""A training from its first epoch to its last, in one process or as one of several that train together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from overread.imaging.augment import Augmentation
from overread.progress import Progress
from overread.training.batches import AugmentedImages, Pixels, SeededOrder, batches
from overread.training.block_rates import learning_rates
from overread.training.checkpoints import BEST, LAST, EpochCheckpoint, History, history_of
from overread.training.distributed_batches import Share, shared_batches
from overread.training.distributed_loop import SharedLoop
from overread.training.frozen_norm import folded_norms
from overread.training.imbalance import Imbalance, remedy_for
from overread.training.kept_memory import kept_memory
from overread.training.loop import PLAIN_TRAINER, TrainingLoop, quiet_lightning
from overread.training.network import ReaderNetwork, Task
from overread.training.recipe import Recipe
from overread.training.tensorboard import Histograms


@dataclass(frozen=True)
class TrainingPlan:
    """All that a training is told, besides network and pixels.

    Attributes:
        task: Decides the loss.
        mean: Per channel, of pixels in 0..1.
        std: Per channel.
        imbalance: What is done about rare classes.
        copies: How many of train's rows, at the end, are copies of others.
        augmentation: What is done to images of train.
        settings: Rates, epochs, patience.
        freeze_batch_norm: Whether batch normalisation keeps its statistics.
        seed: Of order, augmentation and dropout.
    """

    task: Task
    mean: tuple[float, ...]
    std: tuple[float, ...]
    imbalance: Imbalance
    copies: int
    augmentation: Augmentation | None
    settings: Recipe
    freeze_batch_norm: bool
    seed: int


@dataclass(frozen=True)
class Prepared:
    """What Lightning is given: the loop, and the batches of train and tune."""

    loop: TrainingLoop
    learning: DataLoader[Any]
    watching: DataLoader[Any]


@dataclass(frozen=True)
class Place:
    """Where in a group of processes one of them stands; torch's launcher says so in the environment.

    Attributes:
        rank: Its number in the group.
        here: How many of the group are on its machine.
        processes: How many there are.
        accelerator: "cpu" (they talk by gloo) or "gpu" (by nccl).
    """

    rank: int
    here: int
    processes: int
    accelerator: str

    def trainer_options(self) -> dict[str, Any]:
        """What Lightning is told."""
        from datetime import timedelta

        from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
        from lightning.pytorch.strategies import DDPStrategy

        return {
            "accelerator": self.accelerator,
            "devices": self.here,
            "num_nodes": self.processes // self.here,
            # Buffers are alike in all processes as it is: statistics are those of the whole batch.
            "strategy": DDPStrategy(broadcast_buffers=False, timeout=timedelta(minutes=10)),
            "plugins": [TorchElasticEnvironment()],
            "use_distributed_sampler": False,
        }


def prepare(
    network: ReaderNetwork, train: Pixels, tune: Pixels, plan: TrainingPlan, *, share: Share | None = None
) -> Prepared:
    """Loop and batches of a training.

    Args:
        network: The reader to train, in place.
        train: What it learns from.
        tune: What tells when to stop; never augmented.
        plan: All else.
        share: Of every batch, where several processes train together.
    """
    settings, seed = plan.settings, plan.seed
    remedy = remedy_for(plan.imbalance, train.targets[train.rows], task=plan.task, copies=plan.copies)
    order = SeededOrder(len(train.rows), seed=seed, shuffled=True, chances=remedy.chances)
    watched = SeededOrder(len(tune.rows), seed=seed, shuffled=False)
    images, looked_at = (
        AugmentedImages(part, mean=plan.mean, std=plan.std, augmentation=changed, seed=seed)
        for part, changed in ((train, plan.augmentation), (tune, None))
    )
    said: dict[str, Any] = {
        "task": plan.task,
        "remedy": remedy,
        "rates": learning_rates(network, settings, image_size=train.images.shape[1]),
        "weight_decay": settings.weight_decay,
        "freeze_batch_norm": plan.freeze_batch_norm,
        "seed": seed,
        "example": torch.zeros(1, 3, *train.images.shape[1:3]),
        "mixing": settings.mix,
        "smoothing": settings.label_smoothing,
        "decay": settings.ema,
    }
    size = settings.batch_size
    if share is None:
        return Prepared(
            TrainingLoop(network, **said),
            batches(images, order, size=size),
            batches(looked_at, watched, size=size),
        )
    return Prepared(
        SharedLoop(network, share=share, drawn=len(order), batch_size=size, watched=len(watched), **said),
        shared_batches(images, order, size=size, share=share, mixing=settings.mix),
        shared_batches(looked_at, watched, size=size, share=share),
    )


def fit(
    prepared: Prepared,
    *,
    settings: Recipe,
    out: Path,
    progress: Progress,
    place: Place | None = None,
) -> History:
    """Run Lightning's trainer from the start, or from behind the last whole epoch, to the end.

    Returns:
        The whole history, one row an epoch.
    """
    loop = prepared.loop
    done = history_of(out / LAST) if (out / BEST).is_file() else None
    trainer_options: dict[str, Any] = {**PLAIN_TRAINER, "accelerator": "auto"}
    if place is not None:
        trainer_options |= place.trainer_options()
    if torch.cuda.is_available():
        trainer_options["deterministic"] = "warn"  # some CUDA kernels have no deterministic twin
    loop.network.to(memory_format=torch.channels_last)
    with quiet_lightning(), progress.task("fine-tuning", settings.epochs) as bar:
        if done is not None:
            bar.advance(len(done))
        trainer = L.Trainer(
            max_epochs=settings.epochs,
            logger=TensorBoardLogger(out / "tensorboard", name="", version="", log_graph=True),
            callbacks=[
                *([Histograms()] if place is None or place.rank == 0 else []),
                EpochCheckpoint(out, epochs=settings.epochs, patience=settings.patience, bar=bar),
            ],
            gradient_clip_val=2.0,
            log_every_n_steps=1,
            **trainer_options,
        )
        example: Any = loop.example_input_array
        with kept_memory(), folded_norms(loop.network, example):
            trainer.fit(
                loop,
                prepared.learning,
                prepared.watching,
                ckpt_path=None if done is None else out / LAST,
                weights_only=True,
            )
    return loop.history
