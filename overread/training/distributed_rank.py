"""What one of the processes that train together does, whoever started it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from overread.engine import write_atomically
from overread.errors import OverreadError, TrainingError
from overread.progress import SILENT, Task
from overread.training.checkpoints import LAST, has_ended, history_of
from overread.training.distributed_batches import Share
from overread.training.distributed_job import DONE, Job
from overread.training.epochs import Place, fit, prepare

FAILED = "failed-{}.json"
_SAID = "overread failed: "


def run_rank(job: Job) -> None:
    """Train as one of several, from behind the last whole epoch; torch's variables say as which.

    Raises:
        OverreadError: The training failed; it is written to the job's folder too.
    """
    rank = int(os.environ["RANK"])
    if any(job.folder.glob(FAILED.format("*"))):  # Spark tries a stage again whose error was for good
        return
    try:
        if not job.folder.is_dir():
            raise TrainingError(
                "a machine of the cluster does not see this folder",
                where=str(job.out),
                todo="put the work folder on a disk that all machines share",
            )
        _train(job, rank)
    except Exception as error:
        _tell(job, rank, error)
        raise
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _train(job: Job, rank: int) -> None:
    if job.threads is not None:
        torch.set_num_threads(job.threads)
    settings = job.plan.settings
    history = history_of(job.out / LAST) or []
    if has_ended(history, epochs=settings.epochs, patience=settings.patience):
        return
    network, train, tune = job.opened()
    prepared = prepare(network, train, tune, job.plan, share=Share(rank, job.processes))
    for group in prepared.loop.rates:
        group["lr"] *= job.scale
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    fit(
        prepared,
        settings=settings,
        out=job.out,
        progress=_Told(job.folder / DONE) if rank == 0 else SILENT,
        place=Place(rank, here, job.processes, job.accelerator),
    )


class _Told:
    """A listener that leaves a byte for each whole epoch where the driver looks."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Task]:
        """Begin to count anew: what an earlier try has done is told again."""
        del label, total
        self.file.write_bytes(b"")
        yield self

    def advance(self, steps: int = 1) -> None:
        """Leave so many bytes more."""
        with self.file.open("ab") as handle:
            handle.write(b"." * steps)

    def note(self, message: str) -> None:
        """Ignore the message."""
        del message


def _tell(job: Job, rank: int, error: Exception) -> None:
    """Leave word of an error in the job's folder, or on the log where there is none."""
    said = _sentence(error)
    if said is None:
        return
    if job.folder.is_dir():
        write_atomically(job.folder / FAILED.format(rank), said.as_json().encode())
    else:
        print(_SAID + said.as_json(), file=sys.stderr, flush=True)


def _sentence(error: Exception) -> OverreadError | None:
    """What to say of an error; None where another process was merely lost in the middle."""
    if isinstance(error, OverreadError):
        return error
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    shown = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
    if not _is_loss(error):
        return TrainingError(
            f"a process of fine-tuning failed ({shown})",
            todo="--debug shows where; processes = 1 trains without others",
        )
    if torch.distributed.is_initialized():
        return None
    return TrainingError(
        f"the processes of fine-tuning cannot reach each other ({shown})",
        where="reader.fine_tune.processes",
        todo="open the ports between the machines, name the network card in GLOO_SOCKET_IFNAME, or set "
        "processes = 1",
    )


def _is_loss(error: Exception) -> bool:
    """Whether another process, or the way to it, is gone."""
    if isinstance(error, torch.distributed.DistError):
        return True
    words = ("gloo", "NCCL", "Connection", "Broken pipe", "Socket", "timed out", "Timeout")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


def failure_of(job: Job, *, log: str = "") -> OverreadError | None:
    """The error that ended a training for good; None where a process was merely lost."""
    said = [file.read_text("utf-8") for file in sorted(job.folder.glob(FAILED.format("*")))]
    said += [line.split(_SAID, 1)[1] for line in log.splitlines() if _SAID in line]
    return OverreadError.from_json(said[0], otherwise=TrainingError) if said else None
