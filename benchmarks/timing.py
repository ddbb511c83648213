"""How a contender is timed, for ours and for theirs alike; needs nothing but numpy, as peers run it too."""

from __future__ import annotations

import itertools
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Pass = Callable[[int], np.ndarray]
"""Features of the first so many images: int → float32 [count, d]."""

FIRST = 2  # images of the short pass, which pays for the start of processes and little else
WARM = 128  # images before any clock starts, where a Java machine must warm up too
TUNING_IMAGES = 96


@dataclass(frozen=True)
class Moment:
    """Where the clocks stand.

    Attributes:
        wall: Seconds.
        cpu: Seconds of this process and of its children that have ended.
    """

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Moment:
        """Read both clocks."""
        return cls(time.perf_counter(), _spent(resource.RUSAGE_SELF) + _spent(resource.RUSAGE_CHILDREN))


def race(
    run: Pass, count: int, *, out: Path, clock: Callable[[], Moment] = Moment.now, warm: int = FIRST
) -> dict[str, Any]:
    """Time a pass to warm up, a short pass, and a pass over all; the features go into a file.

    The rate is that of the images beyond the short pass, in the time beyond it: the start of worker
    processes is told apart, for ours and for theirs alike.
    """
    run(warm)
    short, short_cpu, _ = timed(run, FIRST, clock=clock)
    whole, whole_cpu, features = timed(run, count, clock=clock)
    np.save(out, features)
    images = count - FIRST
    if whole <= short:  # so few images that the start is all there is
        images, short_cpu, less = count, 0.0, 0.0
    else:
        less = short
    return {
        "images_per_second": images / (whole - less),
        "cpu_ms_per_image": 1000 * (whole_cpu - short_cpu) / images,
        "start_seconds": short,
        "seconds": whole,
    }


def timed(
    run: Pass, count: int, *, clock: Callable[[], Moment] = Moment.now
) -> tuple[float, float, np.ndarray]:
    """Wall seconds, CPU seconds of this process and of the children that ended meanwhile, features."""
    start = clock()
    features = run(count)
    end = clock()
    return end.wall - start.wall, end.cpu - start.cpu, features


def fastest(settings: list[dict[str, Any]], seconds: Callable[[dict[str, Any]], float]) -> dict[str, Any]:
    """The settings under which it took the fewest seconds."""
    return min(((seconds(said), said) for said in settings), key=lambda one: one[0])[1]


def combinations(**choices: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Every combination of the choices, as keyword arguments."""
    return [dict(zip(choices, chosen, strict=True)) for chosen in itertools.product(*choices.values())]


def epochs_of(moments: list[Moment]) -> list[dict[str, float]]:
    """What each epoch took, from the moments at which they began and the last one ended."""
    return [
        {"seconds": end.wall - start.wall, "cpu_seconds": end.cpu - start.cpu}
        for start, end in itertools.pairwise(moments)
    ]


def peak_mebibytes() -> float:
    """The most memory that this process, or one of its children, had resident."""
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return most / 1024


def paths_of(work: Path) -> list[Path]:
    """The files of the benchmark's images."""
    return sorted((work / "images").iterdir())


def cycle(paths: list[Path], count: int) -> Iterator[Path]:
    """The first `count` of the paths, again from the start where they do not suffice."""
    return itertools.islice(itertools.cycle(paths), count)


def _spent(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
