"""How the processes of one training are started: on this machine, or by Spark on its machines."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import threading
from collections.abc import Iterator
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import TYPE_CHECKING, Protocol

from torch.distributed import TCPStore  # type: ignore[attr-defined]

from overread.errors import TrainingError
from overread.progress import Task
from overread.training.distributed_job import DONE, Job
from overread.training.distributed_rank import run_rank

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_POLL_S = 0.5
_LAST_WORD_S = 2.0
LOG = "rank-{}.log"


class Launcher(Protocol):
    """Starts the processes of a job and waits for their end."""

    def __call__(self, job: Job, bar: Task) -> str | None:
        """Run a job; None where all has gone well, else what was heard of the processes."""
        ...


def launch_here(job: Job, bar: Task) -> str | None:
    """Processes of this machine, whose errors and remarks lie in the job's folder."""
    # The driver holds the store: no port is looked for that another may take before it is used.
    store = TCPStore("127.0.0.1", 0, None, is_master=True, wait_for_workers=False)
    context = _context()
    ranks = [
        context.Process(target=_enter, args=(job, rank, store.port, dict(os.environ)), daemon=True)
        for rank in range(job.processes)
    ]
    with _counted(job, bar):
        try:
            for one in ranks:
                one.start()
            running = list(ranks)
            while running and all(one.exitcode in (None, 0) for one in ranks):
                wait([one.sentinel for one in running], _POLL_S)
                running = [one for one in running if one.exitcode is None]
            # Whoever talked to a lost process finds out at once; an error of its own may come a moment later.
            wait([one.sentinel for one in running], _LAST_WORD_S if running else 0)
        finally:
            for one in ranks:
                if one.is_alive():
                    one.kill()
            for one in ranks:
                if one.pid is not None:
                    one.join()
    failed = [f"rank {at}: {one.exitcode}" for at, one in enumerate(ranks) if one.exitcode != 0]
    return ", ".join(failed) or None


def launch_on_spark(session: SparkSession) -> Launcher:
    """Processes of Spark's `TorchDistributor`: of the driver's machine in local mode, else one a task."""

    def launch(job: Job, bar: Task) -> str | None:
        from pyspark.ml.torch.distributor import TorchDistributor

        context = session.sparkContext
        local = is_local(session)
        conf = context.getConf()
        if not local and conf.get("spark.dynamicAllocation.enabled", "false") != "true":
            slots = context.defaultParallelism // int(conf.get("spark.task.cpus", "1") or 1)
            if job.processes > slots:
                raise TrainingError(
                    f"expected at most {slots} processes, which Spark can run at once, got {job.processes}",
                    where="reader.fine_tune.processes",
                    todo="lower it, or ask the cluster for more cores",
                )
        distributor = TorchDistributor(job.processes, local_mode=local, use_gpu=job.accelerator == "gpu")
        distributor.logger.setLevel(logging.WARNING)
        log = job.folder / "spark.log"
        # The distributor prints what its processes say.
        with _counted(job, bar), log.open("w") as said, contextlib.redirect_stdout(said):
            try:
                distributor.run(run_rank, job)
            except Exception as error:
                said.write(str(error))
                said.flush()
                return log.read_text("utf-8", "replace")
        return None

    return launch


def is_local(session: SparkSession) -> bool:
    """Whether Spark runs inside this process's machine alone."""
    return str(session.sparkContext.master).startswith("local")


def spark_accelerator(session: SparkSession) -> str:
    """What the processes compute on: "gpu" where Spark hands out GPUs to what trains, else "cpu"."""
    name = f"spark.{'driver' if is_local(session) else 'task'}.resource.gpu.amount"
    return "gpu" if int(session.sparkContext.getConf().get(name, "0") or 0) else "cpu"


def _context() -> ForkServerContext | SpawnContext:
    """A server that has loaded torch once and forks each process off; else processes that load it anew."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "sklearn.metrics", "torch.utils.tensorboard"])
    return context


def _enter(job: Job, rank: int, port: int, environment: dict[str, str]) -> None:
    """The first lines of a process of this machine."""
    os.environ.update(environment)
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        GROUP_RANK="0",
        WORLD_SIZE=str(job.processes),
        LOCAL_WORLD_SIZE=str(job.processes),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        TORCHELASTIC_USE_AGENT_STORE="True",
        TORCHELASTIC_RUN_ID="overread",
    )
    _die_with_parent()
    log = os.open(job.folder / LOG.format(rank), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    run_rank(job)


def _die_with_parent() -> None:
    """End where the process that trains ends: nobody would read what is still learned (Linux's prctl)."""
    import ctypes
    import signal

    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@contextlib.contextmanager
def _counted(job: Job, bar: Task) -> Iterator[None]:
    """Advance a bar by the epochs that the first process tells of, however often it begins anew."""
    ended = threading.Event()
    told = 0

    def look() -> None:
        nonlocal told
        with contextlib.suppress(OSError):
            done = (job.folder / DONE).stat().st_size
            if done > told:
                bar.advance(done - told)
                told = done

    def watch() -> None:
        while not ended.wait(_POLL_S):
            look()

    watcher = threading.Thread(target=watch, name="epochs", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        look()
