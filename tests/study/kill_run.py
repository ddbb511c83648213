"""Run as a program: run a study and die by SIGKILL at a given moment.

`task:LABEL:N` is after the first step of the N-th piece of work of that label; `call:NAME` is before
`overread.study.build` or `assess` calls that function.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overread.progress import SILENT, Task
from overread.study import assess, build, load_study, run_study


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly:
    """A listener that ends the process at the N-th task of a label."""

    def __init__(self, label: str, number: int) -> None:
        self.label, self.left = label, number

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Task]:
        self.left -= label == self.label
        with SILENT.task(label, total) as silent:
            yield _Last() if label == self.label and self.left == 0 else silent

    def note(self, message: str) -> None:
        pass


class _Last:
    def advance(self, steps: int = 1) -> None:
        if steps:
            die()


if __name__ == "__main__":
    study, out, moment = load_study(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
    kind, name, *number = moment.split(":")
    if kind == "task":
        run_study(study, out, progress=Deadly(name, int(number[0])))
    else:
        for module in (build, assess):
            if hasattr(module, name):
                setattr(module, name, die)
        run_study(study, out)
