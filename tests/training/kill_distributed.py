"""Run as a program: train in two processes and die by SIGKILL, the whole driver, in the second epoch."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import torch

from tests.training.distributed_cases import Counted
from tests.training.made import reader, run_fine_tune


def main(folder: Path) -> None:
    torch.set_num_threads(1)

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


if __name__ == "__main__":
    main(Path(sys.argv[1]))
