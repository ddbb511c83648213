"""Run in a process of its own: fine-tune and die by SIGKILL at a given moment."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from overread.training import checkpoints
from overread.training.checkpoints import EpochCheckpoint
from tests.training.made import FULL, contrary, pixels, reader, run_fine_tune


def die(out: Path, epoch: int, moment: str, patience: int) -> None:
    """Before, between the parts of, or after writing an epoch's checkpoint."""
    now = lambda: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
    whole = EpochCheckpoint.on_train_epoch_end
    write = checkpoints.write_atomically

    def around(self, trainer, module):  # type: ignore[no-untyped-def]
        last = len(module.history) == epoch
        if last and moment == "before":
            now()
        if last and moment == "between":
            checkpoints.write_atomically = lambda *a: (write(*a), now())
        whole(self, trainer, module)
        if last and moment == "after":
            now()

    EpochCheckpoint.on_train_epoch_end = around
    tune = pixels(10, seed=1)
    told = {"tune": contrary(tune)} if patience == 1 else FULL
    run_fine_tune(reader(), out, patience=patience, epochs=4, **told)
