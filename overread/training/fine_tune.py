"""Phase three: the reconnected network learns as a whole, gently, and can be interrupted at any epoch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from safetensors.torch import load as load_tensors
from torch import nn
from torch.utils.data import DataLoader

from overread.engine import write_atomically
from overread.errors import TrainingError
from overread.imaging.augment import Augmentation
from overread.progress import SILENT, Progress
from overread.training.batches import AugmentedImages, Pixels, SeededOrder, batches
from overread.training.checkpoints import (
    BEST,
    LAST,
    EpochCheckpoint,
    History,
    best_epoch,
    has_ended,
    history_of,
)
from overread.training.frozen_norm import folded_norms
from overread.training.imbalance import Imbalance, remedy_for
from overread.training.kept_memory import kept_memory
from overread.training.loop import (
    PLAIN_TRAINER,
    TrainingLoop,
    quiet_lightning,
)
from overread.training.network import ReaderNetwork, Task
from overread.training.rate_finder import found_rate
from overread.training.recipe import Recipe
from overread.training.tensorboard import Histograms

SMALL_TRAIN = 2000
"""Below this many images the network keeps the batch statistics under which its head was fitted: they are
better than those of few batches; with random weights, others threw the head off (loss 0.6 to 3,700)."""
READ_AT_ONCE = 32


@dataclass(frozen=True)
class FineTuned:
    """What fine-tuning led to.

    Attributes:
        history: One row an epoch: epoch, train_loss, tune_loss, tune_auc, learning_rate.
        best_epoch: The epoch whose network was kept: the one with the lowest loss on tune.
        learning_rate: The scale of all rates, given or found.
    """

    history: list[dict[str, float]]
    best_epoch: int
    learning_rate: float


def fine_tune(
    network: ReaderNetwork,
    train: Pixels,
    tune: Pixels,
    *,
    task: Task,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    imbalance: Imbalance,
    copies: int = 0,
    augmentation: Augmentation | None,
    settings: Recipe,
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
        imbalance: What is done about rare classes.
        copies: How many of train's rows, at the end, are copies of others.
        augmentation: What is done to images of `train`.
        settings: Rates, epochs, patience.
        seed: Of order, augmentation and dropout.
        key: Names all that this training depends on; another key starts anew.
        out: Folder for checkpoints, result and TensorBoard.
        progress: Who listens.

    Raises:
        TrainingError: No epoch has a finite loss on tune.
    """
    out = out / hashlib.sha256(key.encode()).hexdigest()[:16]
    finished, best, last = out / "result.json", out / BEST, out / LAST
    if finished.is_file() and best.is_file():
        found = json.loads(finished.read_text("utf-8"))
        network.load_state_dict(load_tensors(best.read_bytes()))
        return FineTuned(found["history"], found["best_epoch"], found["learning_rate"])

    out.mkdir(parents=True, exist_ok=True)
    small = len(train.rows) - copies < SMALL_TRAIN
    frozen = settings.freeze_batch_norm == "yes" or (settings.freeze_batch_norm == "auto" and small)
    remedy = remedy_for(imbalance, train.targets[train.rows], task=task, copies=copies)
    rate: float = 1.0 if settings.learning_rate == "find" else settings.learning_rate
    loop = TrainingLoop(
        network,
        task=task,
        remedy=remedy,
        rates=learning_rates(network, settings, image_size=train.images.shape[1]),
        weight_decay=settings.weight_decay,
        freeze_batch_norm=frozen,
        seed=seed,
        example=torch.zeros(1, 3, *train.images.shape[1:3]),
        mixing=settings.mix,
        smoothing=settings.label_smoothing,
        decay=settings.ema,
    )
    learning, watching = (
        batches(
            AugmentedImages(part, mean=mean, std=std, augmentation=changed, seed=seed),
            SeededOrder(
                len(part.rows), seed=seed, shuffled=shuffled, chances=remedy.chances if shuffled else None
            ),
            size=settings.batch_size,
        )
        for part, changed, shuffled in ((train, augmentation, True), (tune, None, False))
    )
    if settings.learning_rate == "find":
        with kept_memory():
            rate = found_rate(loop, learning, out=out)
        for group in loop.rates:
            group["lr"] *= rate
    history = history_of(last)
    if history is None and last.is_file():
        progress.note("the checkpoint of fine-tuning is not whole: it starts anew")
    ended = has_ended(history or [], epochs=settings.epochs, patience=settings.patience)
    if not (ended and best.is_file()):
        network.to(memory_format=torch.channels_last)
        history = _fit(
            loop,
            learning,
            watching,
            settings=settings,
            out=out,
            resume=last if history is not None and best.is_file() else None,
            done=len(history or []),
            progress=progress,
        )
    assert history is not None
    kept = best_epoch(history)
    if kept is None:
        raise TrainingError(
            "fine-tuning diverged: no epoch has a finite loss on tune",
            todo='set a lower reader.fine_tune.learning_rate, or phases = ["head"]',
        )
    network.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    network.load_state_dict(load_tensors(best.read_bytes()))
    network.eval()
    result = {"history": history, "best_epoch": kept, "learning_rate": rate}
    write_atomically(finished, json.dumps(result, allow_nan=True).encode())
    return FineTuned(history, kept, rate)


def logits_of(
    network: ReaderNetwork, pixels: Pixels, *, mean: tuple[float, ...], std: tuple[float, ...]
) -> npt.NDArray[np.float64]:
    """Logits `[n, outputs]` of images as they are, by torch from pixels to head."""
    images = AugmentedImages(pixels, mean=mean, std=std, augmentation=None, seed=0)
    order = SeededOrder(len(images), seed=0, shuffled=False)
    network.eval()
    with torch.no_grad():
        parts = [network(batch).numpy() for batch, _ in batches(images, order, size=READ_AT_ONCE)]
    return np.concatenate(parts).astype(np.float64)


def _fit(
    loop: TrainingLoop,
    learning: DataLoader[Any],
    watching: DataLoader[Any],
    *,
    settings: Recipe,
    out: Path,
    resume: Path | None,
    done: int,
    progress: Progress,
) -> History:
    """Run Lightning's trainer from the start or a checkpoint to the end; return the whole history."""
    trainer_options: dict[str, Any] = {**PLAIN_TRAINER, "accelerator": "auto"}
    if torch.cuda.is_available():
        trainer_options["deterministic"] = "warn"  # some CUDA kernels have no deterministic twin
    with quiet_lightning(), progress.task("fine-tuning", settings.epochs) as bar:
        if resume is not None:
            bar.advance(done)
        trainer = L.Trainer(
            max_epochs=settings.epochs,
            logger=TensorBoardLogger(out / "tensorboard", name="", version="", log_graph=True),
            callbacks=[
                Histograms(),
                EpochCheckpoint(out, epochs=settings.epochs, patience=settings.patience, bar=bar),
            ],
            gradient_clip_val=2.0,
            log_every_n_steps=1,
            **trainer_options,
        )
        example: Any = loop.example_input_array
        with kept_memory(), folded_norms(loop.network, example):
            trainer.fit(loop, learning, watching, ckpt_path=resume, weights_only=True)
    return loop.history


def learning_rates(network: ReaderNetwork, settings: Recipe, *, image_size: int) -> list[dict[str, Any]]:
    """Parameter groups from bottom to top, each block's rate a fixed share of the one above (Howard 2018).

    Where the rate is yet to be found they are shares of it. What is not trained has `requires_grad` taken
    away and is left out: blocks below `settings.blocks`, and the layers of the backbone above its last tap,
    which no logit depends on.
    """
    from timm.models import group_parameters

    scale = 1.0 if settings.learning_rate == "find" else settings.learning_rate
    backbone = network.backbone.network
    block_of: dict[str, int] = group_parameters(backbone, backbone.group_matcher(coarse=True), reverse=True)
    used = _used_parameters(network, image_size=image_size)
    # Numbered anew, since whole blocks may lie above the last tap.
    rank = {block: index for index, block in enumerate(sorted({block_of[name] for name in used}))}
    top = len(rank) - 1
    first = 0 if settings.blocks == "all" else top + 1 - settings.blocks
    groups: dict[int, list[nn.Parameter]] = {}
    for name, parameter in backbone.named_parameters():
        block = rank[block_of[name]] if name in used else -1
        parameter.requires_grad_(block >= max(first, 0))
        if parameter.requires_grad:
            groups.setdefault(block, []).append(parameter)
    rates: list[dict[str, Any]] = [
        {
            "params": parameters,
            "lr": scale * settings.layer_decay ** (top + 1 - block),
            "name": f"block-{block}",
        }
        for block, parameters in sorted(groups.items())
    ]
    head = list(network.head.parameters())
    return [*rates, {"params": head, "lr": scale * settings.head_rate, "name": "head"}]


def _used_parameters(network: ReaderNetwork, *, image_size: int) -> set[str]:
    """Names of the backbone's parameters on which the logits depend."""
    named = {name: p.requires_grad_(True) for name, p in network.backbone.network.named_parameters()}
    was_training = network.training
    with torch.enable_grad():
        logits = network.eval()(torch.zeros(1, 3, image_size, image_size))
        gradients = torch.autograd.grad(logits.sum(), list(named.values()), allow_unused=True)
    network.train(was_training)
    return {name for name, gradient in zip(named, gradients, strict=True) if gradient is not None}
