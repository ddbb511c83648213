"""`overread leaderboard`: readers beside the published figures of a challenge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overread.cli.show import JsonFlag, print_facts, print_json, print_line
from overread.errors import UsageError

if TYPE_CHECKING:
    from overread.evaluation.leaderboard import Placed, PublishedTable


def leaderboard(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders that 'overread run' or 'overread evaluate' made.")
    ],
    table: Annotated[str, typer.Option(help="The published table.")] = "isic2018-task3",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The page: a file that ends in .html.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Set readers in a published table, with their intervals, and say what keeps the two apart."""
    from overread.engine import write_atomically
    from overread.evaluation.leaderboard import load_table, place_run
    from overread.evaluation.leaderboard_page import reader_sentences, render_leaderboard

    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"expected a file that ends in .html, got '{out}'", where="-o", todo="name the page")
    published = load_table(table)
    names = [run.resolve().name for run in runs]
    placed = [
        place_run(run, published, name=name if names.count(name) == 1 else str(run))
        for run, name in zip(runs, names, strict=True)
    ]
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, render_leaderboard(published, placed).encode())
    if as_json:
        print_json(_facts(published, placed, out))
        return
    print_line(f"{published.title}, {published.metric_title}")
    for line in _lines(published, placed):
        print_line(line)
    for one in placed:
        for sentence in reader_sentences(published, one):
            print_line(sentence)
    if out is not None:
        print_facts({"page": out})


def _facts(table: PublishedTable, placed: list[Placed], out: Path | None) -> dict[str, Any]:
    return {
        "page": out,
        "table": table.name,
        "metric": table.metric,
        "images": table.images,
        "entries": [one.model_dump(mode="json") for one in table.entries],
        "beside": [one.model_dump(mode="json") for one in table.beside],
        "readers": [
            {
                "name": one.name,
                "bundle": one.bundle,
                "figure": _short(one.figure),
                "recalls": {name: _short(recall) for name, recall in one.recalls.items()},
                "images": one.images,
                "above": one.above,
                "surely_above": one.surely_above,
                "cautions": list(one.cautions),
            }
            for one in placed
        ],
    }


def _short(figure: Any) -> dict[str, float | None]:
    said = figure.model_dump(mode="json")
    return {part: said[part] for part in ("value", "low", "high")}


def _lines(table: PublishedTable, placed: list[Placed]) -> list[str]:
    """The table for a terminal, the highest first; an arrow marks what is ours."""
    from overread.evaluation.wording import interval, number

    rows = [(one.value, f"  {number(one.value)}  {one.name} ({one.team})") for one in table.entries]
    rows += [(one.value, f"  {number(one.value)}  {one.name}") for one in table.beside]
    rows += [
        (one.figure.value, f"→ {number(one.figure.value)}  {one.name} ({interval(one.figure)})")
        for one in placed
    ]
    return [line for _, line in sorted(rows, key=lambda row: -row[0])]


def register(app: typer.Typer) -> None:
    """Put the command into the app."""
    app.command(rich_help_panel="Readers")(leaderboard)
