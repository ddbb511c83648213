"""What a command shows: a bar and sentences for a person, or one JSON object for a program."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from overread.json_text import json_text
from overread.progress import Task

JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Worker processes, or cores of Spark; default: all there are."),
]


class TerminalProgress:
    """A bar on standard error where that is a terminal; sentences in any case."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, soft_wrap=True, highlight=False)

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Task]:
        """Show a bar while the work goes on, and leave a line when it is done."""
        bars = Bars(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        with bars:
            yield _Bar(bars, bars.add_task(label, total=total))

    def note(self, message: str) -> None:
        """Show a sentence."""
        self.console.print(f"[dim]{escape(message)}[/]")


class _Bar:
    def __init__(self, bars: Bars, task: Any) -> None:
        self._bars, self._task = bars, task

    def advance(self, steps: int = 1) -> None:
        self._bars.advance(self._task, steps)


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object; NaN is null, a path is text."""
    sys.stdout.write(json_text(values, indent=2))


def print_facts(facts: Mapping[str, Any], *, title: str = "") -> None:
    """A table of two columns for a person."""
    table = Table(title=title or None, show_header=False, box=None, pad_edge=False, title_justify="left")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value in ("", None, (), []):
            continue
        table.add_row(escape(name.replace("_", " ")), escape(_words(value)))
    Console(highlight=False, soft_wrap=False).print(table)


def print_line(message: str) -> None:
    """A sentence on standard output."""
    Console(highlight=False, soft_wrap=True).print(escape(message))


def figure(values: Mapping[str, float | None]) -> str:
    """A figure with its interval: "0.84 [0.70, 0.95]"."""
    value, low, high = (values.get(name) for name in ("value", "low", "high"))
    if value is None or math.isnan(value):
        return "undefined"
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return f"{value:.2f}"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def patients_told(known: bool, *, patients: int, groups: int) -> str:
    """How many patients there are, or what stands in for them where the source names none.

    Example:
        >>> patients_told(True, patients=12, groups=0), patients_told(False, patients=9948, groups=7414)
        ('12', 'not known: 7414 lesions or studies count in their place')
    """
    if known:
        return str(patients)
    stead = (
        f"{groups} lesions or studies count in their place" if groups else "each image counts as a patient"
    )
    return f"not known: {stead}"


def _words(value: Any) -> str:
    """A value for a person: a line an entry, nothing for nothing."""
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_inline(one)}" for name, one in value.items() if one not in ("", None))
    if isinstance(value, list | tuple):
        return "\n".join(_inline(one) for one in value)
    return _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_inline(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_inline(one) for one in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
