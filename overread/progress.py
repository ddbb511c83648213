"""How long work tells that it goes on, without knowing who listens.

Library functions take `progress: Progress = SILENT`; the command line hands in a terminal's bar.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, steps: int = 1) -> None:
        """Say that `steps` more of the total are done."""
        ...


class Progress(Protocol):
    """Whoever wants to know how far work has come."""

    def task(self, label: str, total: int | None = None) -> AbstractContextManager[Task]:
        """Open a piece of work of `total` steps; leaving the context ends it.

        Args:
            label: What is done, for a person: "reading images".
            total: How many steps it has; None where nobody knows.
        """
        ...

    def note(self, message: str) -> None:
        """Tell a person one thing that happened, in one line, without patient data."""
        ...


class _SilentTask:
    def advance(self, steps: int = 1) -> None:
        pass


class SilentProgress:
    """A listener that says nothing."""

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Task]:
        """Do the work in silence."""
        del label, total
        yield _SilentTask()

    def note(self, message: str) -> None:
        """Ignore the message."""
        del message


SILENT: Progress = SilentProgress()
