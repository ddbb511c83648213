"""Variants of images that end, or fail, the process that asks for them, where processes find them."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.random import Generator

from overread.errors import EngineError
from overread.imaging.augment import Augmentation


@dataclass(frozen=True)
class Counted(Augmentation):
    """Leaves images as they are, and a byte for each in a file named after its process."""

    folder: Path = Path()

    def __call__(self, image: Any, rng: Generator) -> Any:
        own = self.folder / str(os.getpid())
        with own.open("ab") as handle:
            handle.write(b".")
        self.happens(own.stat().st_size)
        return image

    def happens(self, seen: int) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Deadly(Counted):
    """Kills the second process at its image number `at`, as often as `times` says."""

    at: int = 15
    times: int = 1

    def happens(self, seen: int) -> None:
        deaths = len(list(self.folder.glob("death-*")))
        if os.environ["RANK"] == "1" and seen == self.at and deaths < self.times:
            (self.folder / f"death-{deaths}").touch()
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Failing(Counted):
    """Raises an error of Overread's in the second process."""

    def happens(self, seen: int) -> None:
        if os.environ["RANK"] == "1":
            raise EngineError("could not be written: the disk is full", where="a file", todo="free space")


class Heard:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps = 0

    def task(self, label: str, total: int | None = None) -> Heard:
        return self

    def __enter__(self) -> Heard:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, steps: int = 1) -> None:
        self.steps += steps

    def note(self, message: str) -> None:
        self.notes.append(message)
