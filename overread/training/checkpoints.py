"""When fine-tuning stops, and what it leaves on disk after each epoch; both follow from the history alone."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import lightning as L
import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from overread.engine import write_atomically
from overread.progress import Task

History = list[dict[str, float]]
LAST, BEST = "last.ckpt", "network.safetensors"


class _Learner(Protocol):
    """What a training loop must have to be kept epoch by epoch."""

    history: History

    def kept_state(self) -> Mapping[str, Tensor]:
        """The weights that would be kept now."""


def best_epoch(history: Sequence[dict[str, float]]) -> int | None:
    """The first epoch with the lowest loss on tune; None where no loss is a finite number."""
    finite = [index for index, row in enumerate(history) if math.isfinite(row["tune_loss"])]
    return min(finite, key=lambda index: history[index]["tune_loss"]) if finite else None


def has_ended(history: Sequence[dict[str, float]], *, epochs: int, patience: int) -> bool:
    """Whether training is over: all epochs done, no lower loss for `patience` of them, or no finite one."""
    if not history:
        return False
    best = best_epoch(history)
    return (
        len(history) >= epochs
        or best is None
        or not math.isfinite(history[-1]["tune_loss"])
        or len(history) - 1 - best >= patience
    )


class EpochCheckpoint(L.Callback):
    """After each epoch: the best network so far, then the whole state, each file whole or not there.

    An interrupted training goes on behind the last whole epoch, and stops where an uninterrupted one does.

    Args:
        folder: For `network.safetensors` and `last.ckpt`.
        epochs: At most this many.
        patience: Epochs without a lower loss on tune before stopping.
        bar: Told of each epoch.
    """

    def __init__(self, folder: Path, *, epochs: int, patience: int, bar: Task) -> None:
        self.folder, self.epochs, self.patience, self.bar = folder, epochs, patience, bar

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the epoch; `tune` has been read by now."""
        learner: _Learner = pl_module  # type: ignore[assignment]
        writes = trainer.is_global_zero  # of processes that train together, the first keeps the epoch
        if writes and best_epoch(learner.history) == len(learner.history) - 1:
            write_atomically(self.folder / BEST, tensor_bytes(learner.kept_state()))
        # Lightning's own way of writing copies across file systems, which a kill can cut in half.
        unfinished = self.folder / f"{LAST}.tmp"
        trainer.save_checkpoint(unfinished)
        if writes:
            unfinished.replace(self.folder / LAST)
        self.bar.advance()
        if has_ended(learner.history, epochs=self.epochs, patience=self.patience):
            trainer.should_stop = True


def tensor_bytes(state: Mapping[str, Tensor]) -> bytes:
    """The state of a network as a safetensors file."""
    tensors = {
        name: value.detach().cpu().contiguous(memory_format=torch.contiguous_format)
        for name, value in state.items()
    }
    return bytes(save_tensors(tensors))


def history_of(checkpoint: Path) -> History | None:
    """The history in a checkpoint; None where there is no whole one."""
    if not checkpoint.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
        return [dict(row) for row in state["history"]]
    except (RuntimeError, OSError, EOFError, KeyError, pickle.UnpicklingError):
        return None
