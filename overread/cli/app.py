"""The `overread` command: its parts put together, and what becomes of errors."""

from __future__ import annotations

import errno
import gc
import os
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from overread import __version__
from overread.cli import (
    augment,
    bundles,
    cohorts,
    compare,
    edge,
    explore,
    folds,
    heads,
    leaderboard,
    readers,
    runs,
    studies,
    tune,
)
from overread.errors import OverreadError

app = typer.Typer(
    name="overread",
    help="A second reader of medical images that one can trust.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (
    studies,
    cohorts,
    explore,
    augment,
    folds,
    readers,
    heads,
    compare,
    leaderboard,
    runs,
    tune,
    edge,
):
    commands.register(app)
app.add_typer(bundles.app, name="bundle")

GARBAGE_STEPS = 10_000, 20, 50
"""After how many new objects Python looks for circles among them, among older ones, among all."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"overread {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error came from.", envvar="OVERREAD_DEBUG")
    ] = False,
) -> None:
    """Train, validate, freeze and run readers of medical images."""
    del version
    if debug:
        os.environ["OVERREAD_DEBUG"] = "1"


def main() -> None:
    """Run the command; 0 done, 1 failed, 2 wrong usage, and an error is one sentence on standard error."""
    # Networks and tables are millions of objects that stay: to look through them at Python's own steps takes
    # a quarter of the time of an export, a third of that of a large table.
    gc.set_threshold(*GARBAGE_STEPS)
    try:
        app()
    except Exception as error:
        if os.environ.get("OVERREAD_DEBUG"):
            raise
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"[bold red]error:[/] {escape(_sentence(error))}"
        )
        sys.exit(error.exit_code if isinstance(error, OverreadError) else 1)


def _sentence(error: Exception) -> str:
    if isinstance(error, OverreadError):
        return str(error)
    if isinstance(error, OSError):
        where = f"'{error.filename}': " if error.filename else ""
        full = "; make room and run the same command again" if error.errno == errno.ENOSPC else ""
        return f"{where}{(error.strerror or str(error)).lower()}{full}"
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("overread"):
        return (
            f"the package '{error.name}' is not installed here; "
            "install Overread with what this command needs, for example pip install 'overread[train]'"
        )
    if isinstance(error, MemoryError):
        return "the memory of this machine is used up; run the same command again with fewer --workers"
    return f"this is a bug in Overread ({type(error).__name__}: {error}); 'overread --debug …' shows where"
