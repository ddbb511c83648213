"""Phase three: the reconnected network learns as a whole, gently, and can be interrupted at any epoch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load as load_tensors

from overread.engine import Engine, write_atomically
from overread.errors import TrainingError
from overread.imaging.augment import Augmentation
from overread.progress import SILENT, Progress
from overread.training.batches import AugmentedImages, Pixels, SeededOrder, batches
from overread.training.checkpoints import BEST, LAST, best_epoch, has_ended, history_of
from overread.training.distributed import fit_together
from overread.training.epochs import TrainingPlan, fit, prepare
from overread.training.imbalance import Imbalance
from overread.training.kept_memory import kept_memory
from overread.training.network import ReaderNetwork, Task
from overread.training.rate_finder import found_rate
from overread.training.recipe import Recipe

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
    engine: Engine | None = None,
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
        engine: Where `settings.processes` are started, if they are more than one; None: on this machine.
        progress: Who listens.

    Raises:
        TrainingError: No epoch has a finite loss on tune, or processes that train together failed.
    """
    out = out / hashlib.sha256(key.encode()).hexdigest()[:16]
    finished, best, last = out / "result.json", out / BEST, out / LAST
    if finished.is_file() and best.is_file():
        found = json.loads(finished.read_text("utf-8"))
        network.load_state_dict(load_tensors(best.read_bytes()))
        return FineTuned(found["history"], found["best_epoch"], found["learning_rate"])

    out.mkdir(parents=True, exist_ok=True)
    small = len(train.rows) - copies < SMALL_TRAIN
    plan = TrainingPlan(
        task=task,
        mean=mean,
        std=std,
        imbalance=imbalance,
        copies=copies,
        augmentation=augmentation,
        settings=settings,
        freeze_batch_norm=settings.freeze_batch_norm == "yes"
        or (settings.freeze_batch_norm == "auto" and small),
        seed=seed,
    )
    prepared = prepare(network, train, tune, plan)
    rate, scale = settings.learning_rate, 1.0
    if rate == "find":
        with kept_memory():
            rate = scale = found_rate(prepared.loop, prepared.learning, out=out)
        for group in prepared.loop.rates:
            group["lr"] *= scale
    history = history_of(last)
    if history is None and last.is_file():
        progress.note("the checkpoint of fine-tuning is not whole: it starts anew")
    ended = has_ended(history or [], epochs=settings.epochs, patience=settings.patience)
    if not (ended and best.is_file()):
        if settings.processes > 1:
            history = fit_together(
                network, train, tune, plan=plan, scale=scale, out=out, engine=engine, progress=progress
            )
        else:
            history = fit(prepared, settings=settings, out=out, progress=progress)
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
