"""Phase three: the reconnected network learns as a whole, gently, and can be interrupted at any epoch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from overread.engine import write_atomically
from overread.imaging.augment import Augmentation
from overread.progress import SILENT, Progress
from overread.training.loop import (
    PLAIN_TRAINER,
    TrainingLoop,
    class_weights_of,
    quiet_lightning,
)
from overread.training.network import ReaderNetwork, Task
from overread.training.settings import FineTuneSettings
from overread.training.tensorboard import Histograms

SMALL_TRAIN = 2000
"""Below this many images a pretrained network's batch statistics are better than the cohort's own."""


@dataclass(frozen=True)
class Pixels:
    """Resized images with their targets.

    Attributes:
        images: `uint8 [n, S, S, 3]`, as the resizing graph gives them.
        targets: `float32 [n, classes]`, NaN not stated.
        rows: `int [m]`, which of them belong to the split.
    """

    images: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class FineTuned:
    """What fine-tuning led to.

    Attributes:
        history: One row an epoch: epoch, train_loss, tune_loss, tune_auc, learning_rate.
        best_epoch: The epoch whose network was kept: the one with the lowest loss on tune.
    """

    history: list[dict[str, float]]
    best_epoch: int


class AugmentedImages(Dataset[tuple[Tensor, Tensor]]):
    """Images of a split, each augmented by (seed, epoch, image) alone: order and restarts do not matter."""

    def __init__(
        self,
        pixels: Pixels,
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        augmentation: Augmentation | None,
        seed: int,
    ) -> None:
        self.pixels, self.augmentation, self.seed = pixels, augmentation, seed
        self.mean = np.asarray(mean, np.float32) * 255
        self.scale = 1 / (np.asarray(std, np.float32) * 255)

    def __len__(self) -> int:
        return len(self.pixels.rows)

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """The image at (epoch, index), normalised `float32 [3, S, S]`, and its target."""
        epoch, index = place
        row = int(self.pixels.rows[index])
        image = np.asarray(self.pixels.images[row])
        if self.augmentation is not None:
            image = self.augmentation(image, np.random.default_rng((self.seed, epoch, row)))
        normal = (image.astype(np.float32) - self.mean) * self.scale
        return torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1))), torch.from_numpy(
            np.asarray(self.pixels.targets[row], np.float32)
        )


class SeededOrder(Sampler[tuple[int, int]]):
    """An order of images that depends on seed and epoch alone; Lightning tells it the epoch."""

    def __init__(self, count: int, *, seed: int, shuffled: bool) -> None:
        self.count, self.seed, self.shuffled, self.epoch = count, seed, shuffled, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.arange(self.count)
        if self.shuffled:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.count)
        return iter([(self.epoch, int(index)) for index in order])


def fine_tune(
    network: ReaderNetwork,
    train: Pixels,
    tune: Pixels,
    *,
    task: Task,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    pretrained: bool,
    balanced: bool,
    augmentation: Augmentation | None,
    settings: FineTuneSettings,
    seed: int,
    key: str,
    out: Path,
    progress: Progress = SILENT,
) -> FineTuned:
    """Train a reconnected network on `train`, stop early on `tune`, and put the best weights into it.

    Every epoch is a checkpoint; the same call after an interruption goes on behind the last whole epoch
    and ends with the same weights as if nothing had happened.

    Args:
        network: The reader to train, in place.
        train: What it learns from.
        tune: What tells when to stop; never augmented.
        task: Decides the loss.
        mean: Per channel, of pixels in 0..1.
        std: Per channel.
        pretrained: Whether the backbone's weights were loaded.
        balanced: Weigh classes inversely to their share.
        augmentation: What is done to images of `train`.
        settings: Rates, epochs, patience.
        seed: Of order, augmentation and dropout.
        key: Names all that this training depends on; another key starts anew.
        out: Folder for checkpoints, result and TensorBoard.
        progress: Who listens.
    """
    out = out / hashlib.sha256(key.encode()).hexdigest()[:16]
    finished, weights_file = out / "result.json", out / "network.safetensors"
    if finished.is_file():
        found = json.loads(finished.read_text("utf-8"))
        network.load_state_dict(load_tensors(weights_file.read_bytes()))
        return FineTuned(found["history"], found["best_epoch"])

    frozen = settings.freeze_batch_norm == "yes" or (
        settings.freeze_batch_norm == "auto" and pretrained and len(train.rows) < SMALL_TRAIN
    )
    loop = TrainingLoop(
        network,
        task=task,
        class_weights=class_weights_of(train.targets[train.rows], task=task, balanced=balanced),
        rates=learning_rates(network, settings),
        weight_decay=settings.weight_decay,
        freeze_batch_norm=frozen,
        seed=seed,
        example=torch.zeros(1, 3, *train.images.shape[1:3]),
    )
    loaders = [
        DataLoader(
            AugmentedImages(part, mean=mean, std=std, augmentation=changed, seed=seed),
            batch_size=settings.batch_size,
            sampler=SeededOrder(len(part.rows), seed=seed, shuffled=shuffled),
            # A last batch of one image would give batch normalisation nothing to average.
            drop_last=shuffled and len(part.rows) % settings.batch_size == 1 and len(part.rows) > 1,
        )
        for part, changed, shuffled in ((train, augmentation, True), (tune, None, False))
    ]
    best = ModelCheckpoint(
        out, filename="best", monitor="tune_loss", save_last=True, enable_version_counter=False
    )
    trainer_options: dict[str, Any] = {**PLAIN_TRAINER, "accelerator": "auto"}
    if torch.cuda.is_available():
        trainer_options["deterministic"] = "warn"  # some CUDA kernels have no deterministic twin
    with quiet_lightning(), progress.task("fine-tuning", settings.epochs) as task_bar:
        trainer = L.Trainer(
            max_epochs=settings.epochs,
            logger=TensorBoardLogger(out / "tensorboard", name="", version="", log_graph=True),
            callbacks=[
                best,
                EarlyStopping("tune_loss", patience=settings.patience),
                Histograms(),
                _Steps(task_bar),
            ],
            gradient_clip_val=2.0,
            log_every_n_steps=1,
            **trainer_options,
        )
        last = out / "last.ckpt"
        trainer.fit(loop, *loaders, ckpt_path=last if last.is_file() else None, weights_only=True)
    state = torch.load(best.best_model_path, map_location="cpu", weights_only=True)["state_dict"]
    network.load_state_dict(
        {k.removeprefix("network."): v for k, v in state.items() if k.startswith("network.")}
    )
    network.cpu().eval()
    best_epoch = int(np.argmin([row["tune_loss"] for row in loop.history]))
    write_atomically(weights_file, save_tensors({k: v.contiguous() for k, v in network.state_dict().items()}))
    result = {"history": loop.history, "best_epoch": best_epoch}
    write_atomically(finished, json.dumps(result, allow_nan=True).encode())
    return FineTuned(loop.history, best_epoch)


def learning_rates(network: ReaderNetwork, settings: FineTuneSettings) -> list[dict[str, Any]]:
    """Parameter groups from bottom to top, each block's rate a fixed share of the one above (Howard 2018).

    Blocks that are not trained have `requires_grad` taken away and are left out.
    """
    from timm.models import group_parameters

    backbone: Any = network.backbone.network
    block_of: dict[str, int] = group_parameters(backbone, backbone.group_matcher(coarse=True), reverse=True)
    top = max(block_of.values())
    first = 0 if settings.blocks == "all" else top + 1 - settings.blocks
    groups: dict[int, list[nn.Parameter]] = {}
    for name, parameter in backbone.named_parameters():
        block = block_of[name]
        parameter.requires_grad_(block >= first)
        if block >= first:
            groups.setdefault(block, []).append(parameter)
    rates: list[dict[str, Any]] = [
        {
            "params": parameters,
            "lr": settings.learning_rate * settings.layer_decay ** (top + 1 - block),
            "name": f"block-{block}",
        }
        for block, parameters in sorted(groups.items())
    ]
    head = list(network.head.parameters())
    return [*rates, {"params": head, "lr": settings.learning_rate * settings.head_rate, "name": "head"}]


class _Steps(L.Callback):
    """Tells the listener of each epoch."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """One epoch more."""
        del trainer, pl_module
        self.bar.advance()
