"""Run in a process of its own: train in two processes and die by SIGKILL in the second epoch."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from tests.training.distributed_cases import Counted
from tests.training.made import reader, run_fine_tune


def die_in_the_second_epoch(folder: Path) -> None:
    """The driver's part; the processes that it started are to end with it."""

    def watch() -> None:
        while not any((folder / "out").glob("*/last.ckpt")):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    run_fine_tune(
        reader(),
        folder / "out",
        processes=2,
        freeze_batch_norm="no",
        augmentation=Counted("chest", folder=folder / "seen"),
    )
