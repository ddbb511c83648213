"""One training in several processes: shared out, watched over, and taken up again where one is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from overread.engine import Engine
from overread.errors import TrainingError
from overread.progress import Progress
from overread.training.batches import Pixels
from overread.training.checkpoints import LAST, History, has_ended, history_of
from overread.training.distributed_job import DONE, Job
from overread.training.distributed_launch import (
    Launcher,
    is_local,
    launch_here,
    launch_on_spark,
    spark_accelerator,
)
from overread.training.distributed_rank import failure_of
from overread.training.epochs import TrainingPlan
from overread.training.network import ReaderNetwork

RETRIES = 3
"""How often a training goes on by itself after one of its processes was lost."""


def fit_together(
    network: ReaderNetwork,
    train: Pixels,
    tune: Pixels,
    *,
    plan: TrainingPlan,
    scale: float,
    out: Path,
    engine: Engine | None,
    progress: Progress,
) -> History:
    """Train in `plan.settings.processes` processes, from behind the last whole epoch to the end.

    What comes out lies in `out`, as after a training in one process; `network` stays as it is.

    Args:
        network: The reader from which training starts.
        train: What it learns from.
        tune: What tells when to stop.
        plan: All else.
        scale: Factor on all learning rates: 1, or the rate that was found.
        out: Folder of checkpoints and result; all machines must see it and the file of the pixels.
        engine: Spark starts the processes on its machines; else they are of this one.
        progress: Who listens.

    Returns:
        The whole history, one row an epoch.

    Raises:
        OverreadError: What a process raised.
        TrainingError: Processes were lost again and again, or cannot reach each other.
    """
    settings, processes = plan.settings, plan.settings.processes
    launch, accelerator, here = _where(engine, processes, progress)
    threads = max(1, torch.get_num_threads() // processes) if here else None
    job = Job.write(
        network, train, tune, plan=plan, scale=scale, out=out, accelerator=accelerator, threads=threads
    )
    for tries in range(RETRIES + 1):
        _clear(job)
        with progress.task("fine-tuning", settings.epochs) as bar:
            heard = launch(job, bar)
        failure = failure_of(job, log=heard or "")
        if failure is not None:
            raise failure
        history = history_of(out / LAST) or []
        if heard is None and has_ended(history, epochs=settings.epochs, patience=settings.patience):
            shutil.rmtree(job.folder, ignore_errors=True)
            return history
        if tries < RETRIES:
            progress.note(
                f"a process of fine-tuning was lost: it goes on behind epoch {len(history)} "
                f"(try {tries + 2} of {RETRIES + 1})"
            )
    raise TrainingError(
        f"processes of fine-tuning were lost {RETRIES + 1} times",
        where=str(job.folder),
        todo="look into the logs there for the cause, often memory; the same command goes on behind the last "
        "epoch, processes = 1 needs the least",
    )


def _where(engine: Engine | None, processes: int, progress: Progress) -> tuple[Launcher, str, bool]:
    """Who starts the processes, on what they compute, and whether all are on this machine."""
    from overread.engine.spark import SparkEngine

    if isinstance(engine, SparkEngine):
        local = is_local(engine.session)
        return launch_on_spark(engine.session), spark_accelerator(engine.session), local
    gpus = torch.cuda.device_count()
    if 0 < gpus < processes:
        progress.note(f"fine-tuning uses the CPU: there are {gpus} GPUs for {processes} processes")
    return launch_here, "gpu" if gpus >= processes else "cpu", True


def _clear(job: Job) -> None:
    """Take away what an earlier try has said."""
    for file in (*job.folder.glob("failed-*.json"), job.folder / DONE):
        file.unlink(missing_ok=True)
