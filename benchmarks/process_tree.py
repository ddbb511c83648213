"""CPU time and memory of a process and of everything that it started, read from /proc (Linux).

A driver of Spark starts a Java machine, which starts a Python daemon, which forks Python workers: no clock of
the driver's own sees what they spend.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024
KINDS = ("driver", "java", "workers")


def descendants(root: int) -> list[int]:
    """The process and all below it, itself first."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            children.setdefault(int(_stat(int(folder.name))[1]), []).append(int(folder.name))
    found, waiting = [], [root]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def cpu_seconds(root: int | None = None) -> float:
    """Seconds that a process tree has spent, its ended processes included; 10 ms exact for each process."""
    ticks = 0
    for pid in descendants(root or os.getpid()):
        with suppress(OSError, ValueError, IndexError):
            # Own time in user and kernel mode, and that of children that ended and were waited for.
            ticks += sum(int(field) for field in _stat(pid)[11:15])
    return ticks / _TICKS


def memory_mib(root: int | None = None) -> dict[str, float]:
    """MiB that each kind of process holds (PSS: what several share is counted once).

    Returns:
        "driver": the process itself; "java": Java machines; "workers": the rest.
    """
    root = root or os.getpid()
    held = dict.fromkeys(KINDS, 0.0)
    for pid in descendants(root):
        with suppress(OSError, ValueError, StopIteration):
            kind = "driver" if pid == root else "java" if _name(pid) == "java" else "workers"
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            held[kind] += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / _KIB
    return held


class MemoryWatch:
    """Looks at the memory of this process tree, again and again, while the context is open.

    Args:
        interval: Seconds between two looks.
    """

    def __init__(self, interval: float = 0.5) -> None:
        self._interval, self._ended = interval, threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)
        self.samples: list[tuple[float, dict[str, float]]] = []
        """Seconds since the start, and `memory_mib` then."""

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def peak(self) -> dict[str, float]:
        """The highest of each kind, and of all together at one moment ("together")."""
        most = {kind: max(held[kind] for _, held in self.samples) for kind in KINDS}
        return {**most, "together": max(sum(held.values()) for _, held in self.samples)}

    def _watch(self) -> None:
        start = time.perf_counter()
        while True:
            self.samples.append((time.perf_counter() - start, memory_mib()))
            if self._ended.wait(self._interval):
                return


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name: state, parent, …"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()
