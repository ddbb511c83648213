"""Run as a program: run a study again and again, each time dying by SIGKILL at another moment.

`task:LABEL:N` is after the first step of the N-th piece of work of that label; `call:NAME` is before
`overread.study.build` or `assess` calls that function. Each run is a fork of a process that has imported all
there is to import and run none of it: torch need not be loaded anew for every death.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overread.progress import SILENT, Task
from overread.study import assess, build, load_study, run_study
from tests.exports import exported_once

IMPORTED = (
    "torch",
    "timm",
    "lightning",
    "onnxscript",
    "scipy.stats",
    "sklearn.linear_model",
    "matplotlib.pyplot",
    "jinja2",
)
"""What takes a second or more to import, and what a run imports when it comes to it."""


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


def run_until(study_file: Path, out: Path, moment: str) -> None:
    """Run the study up to its death."""
    study = load_study(study_file)
    kind, name, *number = moment.split(":")
    if kind == "task":
        run_study(study, out, progress=Deadly(name, int(number[0])))
        return
    for module in (build, assess):
        if hasattr(module, name):
            setattr(module, name, die)
    run_study(study, out)


if __name__ == "__main__":
    for package in IMPORTED:
        importlib.import_module(package)
    for moment in sys.argv[4:]:
        child = os.fork()
        if child == 0:
            with exported_once(Path(sys.argv[3])):
                run_until(Path(sys.argv[1]), Path(sys.argv[2]), moment)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"{moment}: did not die there")
