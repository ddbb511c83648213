"""A model of a run on a cluster: what so many executors would do, where the time goes, and what ends it.

It plays through what `SparkEngine` does: the driver plans from Parquet footers, broadcasts the stage, hands
out tasks one after another, cut as the engine cuts them; each core starts a Python worker and goes through
the slices of its tasks; the driver takes the parts in. Storage is one pipe that all cores share. What goes in
was measured (`spark_scaling.py`) or is said by the user.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from overread.engine.slices import Segment, Slice
from overread.engine.spark.shares import share_out


@dataclass(frozen=True)
class Work:
    """What is to be done.

    Attributes:
        images: How many.
        megabytes: Of an encoded image.
        seconds: CPU seconds an image on one core, by part ("decode", "network", …).
        spread: Standard deviation over mean of a slice's seconds, for its contents.
        rows_per_part: Images of a slice, and of the part that it becomes.
        source_files: Files whose footers or names the driver looks at.
        opens_an_image: Files that a worker opens an image: 0 where images lie in Parquet.
    """

    images: int
    megabytes: float
    seconds: dict[str, float]
    spread: float = 0.1
    rows_per_part: int = 64
    source_files: int = 1
    opens_an_image: float = 0.0

    @property
    def cpu_s(self) -> float:
        """CPU seconds an image."""
        return sum(self.seconds.values())


@dataclass(frozen=True)
class Cluster:
    """Where it is done.

    Attributes:
        executors: Machines.
        cores: Of each.
        session_s: Until the driver's session stands.
        worker_s: Until a Python worker has imported everything and opened the network.
        task_s: What the driver spends on one task.
        handover_s: What a core loses between two tasks.
        file_s: What the driver spends on a file of the source: a footer, or a listed name.
        part_s: What the driver spends on a part that is there, to read what it says.
        open_s: Until storage has opened a file for a worker.
        storage_mb_s: What storage gives to all together.
        link_mb_s: What one executor's network takes, all its cores together.
        broadcast_mb: Network and slices.
        slow_share: Share of executors that are slow.
        slow_factor: How much longer they take.
    """

    executors: int
    cores: int = 1
    session_s: float = 10.0
    worker_s: float = 3.0
    task_s: float = 0.003
    handover_s: float = 0.02
    file_s: float = 0.001
    part_s: float = 0.001
    open_s: float = 0.0
    storage_mb_s: float = float("inf")
    link_mb_s: float = 1100.0
    broadcast_mb: float = 15.0
    slow_share: float = 0.0
    slow_factor: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        seconds: From the command to the last part, `phases` together.
        phases: Seconds of "session", "plan", "broadcast", "tasks", "collect".
        images_per_second: Over all of it.
        efficiency: Share of the time of all cores in which they worked on images at full speed.
        bound: What the time went to most: "cores", "storage", "start", "driver" or "tail".
    """

    seconds: float
    phases: dict[str, float]
    images_per_second: float
    efficiency: float
    bound: str


def simulate(work: Work, cluster: Cluster, *, seed: int = 0) -> Outcome:
    """Play a run through.

    Args:
        work: What is to be done.
        cluster: Where.
        seed: Of the slices' lengths and of which executors are slow.
    """
    rng = np.random.default_rng(seed)
    cores = cluster.executors * cluster.cores
    slices = max(1, -(-work.images // work.rows_per_part))
    rows = np.full(slices, work.rows_per_part, np.float64)
    rows[-1] = work.images - work.rows_per_part * (slices - 1)
    # Gamma: positive, with the mean and the spread that were measured.
    shape = 1 / work.spread**2 if work.spread else np.inf
    length = rng.gamma(shape, 1 / shape, slices) if np.isfinite(shape) else np.ones(slices)
    reading = reading_seconds(work, cluster)
    busy = rows * (work.cpu_s * length + reading)
    tasks = _tasks(busy, rows, work, cores)
    pace = np.ones(cluster.executors)
    pace[rng.permutation(cluster.executors)[: round(cluster.slow_share * cluster.executors)]] = (
        cluster.slow_factor
    )
    phases = {
        "session": cluster.session_s,
        "plan": work.source_files * cluster.file_s,
        # Executors pass blocks on to one another, so that it takes about twice the time of one copy.
        "broadcast": 2 * cluster.broadcast_mb / cluster.link_mb_s,
        "tasks": (ends := _play(tasks, np.repeat(pace, cluster.cores), cluster))[-1],
        "collect": slices * cluster.part_s,
    }
    seconds = sum(phases.values())
    ideal = work.images * work.cpu_s / cores
    last = np.array(ends[-cores:])
    idle = float(np.mean(last[-1] - last)) if len(ends) >= cores else last[-1] * (1 - len(ends) / cores)
    losses = {
        "cores": ideal,
        "storage": work.images * reading / cores,
        "start": cluster.session_s + cluster.worker_s,
        "driver": phases["plan"] + phases["collect"] + len(tasks) * cluster.task_s,
        "tail": idle,
    }
    bound = max(losses, key=lambda name: losses[name])
    return Outcome(seconds, phases, work.images / seconds, ideal / seconds, bound)


def reading_seconds(work: Work, cluster: Cluster) -> float:
    """Seconds that a core waits for one image's bytes, where all cores read at once.

    A core alone waits megabytes / link. Where the cores behind a pipe (an executor's link, the whole storage)
    would then take more than it gives, images come at the pipe's rate, and waiting is what computing leaves.
    """
    alone = work.megabytes / cluster.link_mb_s + work.opens_an_image * cluster.open_s
    pipes = (
        (cluster.cores, cluster.link_mb_s),
        (cluster.executors * cluster.cores, cluster.storage_mb_s),
    )
    return max(alone, *(cores * work.megabytes / pipe - work.cpu_s for cores, pipe in pipes))


def _tasks(busy: np.ndarray, rows: np.ndarray, work: Work, cores: int) -> list[float]:
    """Seconds of each task at full speed, in the shares that the engine makes."""
    size = int(1e6 * work.megabytes)
    pieces = [
        Slice(at, 0, int(count), (Segment(Path(), 0, 0, int(count), size),)) for at, count in enumerate(rows)
    ]
    return [sum(float(busy[piece.index]) for piece in share) for share in share_out(pieces, at_once=cores)]


def _play(tasks: list[float], pace: np.ndarray, cluster: Cluster) -> list[float]:
    """When each task ends, in order.

    Args:
        tasks: Seconds of each at full speed.
        pace: float64 [cores], how much longer each takes.
        cluster: For what lies between tasks.
    """
    # (free from, core); a core's first task waits for its Python worker.
    free = [(cluster.worker_s, core) for core in range(len(pace))]
    heapq.heapify(free)
    driver, ends = 0.0, []
    for task in tasks:
        at, core = heapq.heappop(free)
        driver += cluster.task_s
        end = max(at, driver) + cluster.handover_s + task * pace[core]
        ends.append(end)
        heapq.heappush(free, (end, core))
    return sorted(float(end) for end in ends)


def scaled(cluster: Cluster, executors: int) -> Cluster:
    """The same cluster with another number of executors."""
    return replace(cluster, executors=executors)
