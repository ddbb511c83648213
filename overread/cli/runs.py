"""`overread runs` and `overread tensorboard`: what was run before."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from overread.cli.show import JsonFlag, figure, print_json, print_line

if TYPE_CHECKING:
    from overread.study.runs import RunRow

DEFAULT = Path("runs")
_WIDEST = 60
_SHOWN = (
    "roc_auc",
    "average_precision",
    "accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "urgent/sensitivity",
    "urgent/specificity",
    "calibration_error",
    "brier",
    "log_loss",
    "tune_auc",
)


def runs(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Where run folders or mlflow.db lie; default: runs, else this folder."),
    ] = None,
    uri: Annotated[
        str | None,
        typer.Option(help="Ask MLflow, not the folders: 'sqlite' for FOLDER/mlflow.db, or any MLflow URI."),
    ] = None,
    experiment: Annotated[str, typer.Option(help="Of MLflow, with --uri.")] = "overread",
    by: Annotated[str, typer.Option(help="The figure by which the best run comes first.")] = "roc_auc",
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RUN",
            help="Show what differs between these runs: folder, name or start of an id. May be repeated.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List finished runs, the best first, and show in which settings they differ."""
    from overread.study import runs as found

    place = folder or (DEFAULT if DEFAULT.is_dir() else Path())
    rows = found.runs_of(uri, folder=place, experiment=experiment) if uri else found.runs_in(place)
    rows = found.best_first(rows, by)
    named = found.chosen(rows, compare) if compare else rows
    differing = found.different(named) if compare else None
    if as_json:
        print_json({"source": _source(uri, place), "by": by, "runs": _plain(named), "different": differing})
    elif compare:
        _print_differences(named, differing or {})
    else:
        _print_rows(named, by=by, place=place, source=_source(uri, place))


def tensorboard(
    run: Annotated[Path, typer.Argument(help="A folder that 'overread run' made.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 6006,
    host: Annotated[str, typer.Option(help="Where it listens.")] = "127.0.0.1",
    as_json: JsonFlag = False,
) -> None:
    """Show a run's curves in TensorBoard, on this machine alone, until Ctrl-C."""
    from overread.study.tensorboard import LOCAL, events_of, serve

    folder = events_of(run)
    if host not in LOCAL:
        Console(stderr=True, soft_wrap=True).print(
            f"[bold yellow]warning:[/] whoever reaches {escape(host)} sees these curves: "
            "TensorBoard asks for no password"
        )
    url = serve(folder, host=host, port=port)
    if as_json:
        print_json({"url": url, "events": folder})
    else:
        print_line(f"TensorBoard shows {folder} at {url} (Ctrl-C ends it)")
    _wait()


def _wait() -> None:
    """Until Ctrl-C, which is how TensorBoard is ended."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


def _source(uri: str | None, place: Path) -> str:
    if uri is None:
        return str(place)
    from overread.study.tracking import DATABASE, without_password

    return str(place / DATABASE) if uri == "sqlite" else without_password(uri)


def _plain(rows: Sequence[RunRow]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "name": row.name,
            "finished": row.finished,
            "bundle": row.bundle,
            "backbone": row.backbone,
            "head": row.head,
            "cohort_hash": row.cohort_hash,
            "split": row.split,
            "path": row.path,
            "parameters": dict(row.parameters),
            "figures": {
                name: {"value": one.value, "low": one.low, "high": one.high}
                for name, one in row.figures.items()
            },
        }
        for row in rows
    ]


def _print_rows(rows: Sequence[RunRow], *, by: str, place: Path, source: str) -> None:
    if not rows:
        print_line(f"no finished run in {source}")
        return
    table = Table(box=None, pad_edge=False)
    columns = [
        "run",
        "finished",
        "backbone",
        "head",
        by,
        *(["tune_auc"] if by != "tune_auc" else []),
        "cohort",
    ]
    for name in columns:
        side: Literal["left", "right"] = "right" if name in (by, "tune_auc") else "left"
        words = name in ("run", "backbone", "head")
        table.add_column(
            escape(name), justify=side, no_wrap=not words, overflow="fold", min_width=8 if words else None
        )
    for row in rows:
        cells = {
            "run": _called(row, place),
            "finished": row.finished[:10],
            "backbone": row.backbone,
            "head": row.head,
            by: _shown(row, by),
            "tune_auc": _shown(row, "tune_auc"),
            "cohort": row.cohort_hash[:8],
        }
        table.add_row(*(escape(cells[name]) for name in columns))
    Console(highlight=False).print(table)
    tested = [row.cohort_hash for row in rows if row.split == "test"]
    if by != "tune_auc" and len(set(tested)) < len(tested):
        print_line(
            f"{by} is of {rows[0].split}: whoever chooses a run by it needs new images to say how good that "
            "run is; '--by tune_auc' sorts by tune. Paired tests: 'overread compare'."
        )


def _print_differences(rows: Sequence[RunRow], differing: dict[str, tuple[str | None, ...]]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("", style="dim", no_wrap=True)
    for row in rows:
        table.add_column(escape(row.name if row.path is None else str(row.path)), overflow="fold")
    if len({row.cohort_hash for row in rows}) > 1:
        table.add_row("cohort", *(row.cohort_hash[:8] for row in rows))
    for name, values in differing.items():
        table.add_row(escape(name), *(escape(_cut(value)) for value in values))
    table.add_section()
    for name in _SHOWN:
        plain = name.removeprefix("urgent/")
        repeated = plain != name and all(_shown(row, name) == _shown(row, plain) for row in rows)
        if not repeated and any(name in row.figures for row in rows):
            table.add_row(name, *(escape(_shown(row, name)) for row in rows))
    Console(highlight=False).print(table)
    if all(row.path for row in rows):
        print_line(f"paired tests: overread compare {' '.join(str(row.path) for row in rows)}")


def _cut(value: str | None) -> str:
    """A setting in a table's cell."""
    if value is None:
        return "–"
    return value if len(value) <= _WIDEST else value[: _WIDEST - 1] + "…"


def _called(row: RunRow, place: Path) -> str:
    if row.path is None:
        return f"{row.name} {row.id[:8]}"
    below = str(row.path.relative_to(place)) if row.path.is_relative_to(place) else str(row.path)
    return below if below != "." else row.path.resolve().name


def _shown(row: RunRow, name: str) -> str:
    if name not in row.figures:
        return "–"
    one = row.figures[name]
    return figure({"value": one.value, "low": one.low, "high": one.high})


def register(app: typer.Typer) -> None:
    """Put the commands into the app."""
    for command in (runs, tensorboard):
        app.command(rich_help_panel="Studies")(command)
