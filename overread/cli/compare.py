"""`overread compare`: readers side by side, by the readings that lie in their runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from overread.cli.show import JsonFlag, print_facts, print_json, print_line
from overread.errors import UsageError

if TYPE_CHECKING:
    from overread.evaluation.comparison import Comparison


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders that 'overread run' or 'overread evaluate' made; the first is the baseline."
        ),
    ],
    cohort: Annotated[
        Path | None, typer.Option(help="What they have read; default: the cohort in each run's folder.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The page: a file that ends in .html.")
    ] = None,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Compare each with each, not with the first alone.")
    ] = False,
    resamples: Annotated[int, typer.Option(min=100, help="Of the patient-clustered bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Put readers side by side on the same images, with paired tests; no image is read again."""
    from overread.engine import write_atomically
    from overread.evaluation.compare_page import render_comparison
    from overread.study import compare_runs

    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"expected a file that ends in .html, got '{out}'", where="-o", todo="name the page")
    found = compare_runs(runs, cohort=cohort, all_pairs=all_pairs, resamples=resamples, seed=seed)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, render_comparison(found).encode())
    if as_json:
        print_json({"page": out, **found.model_dump(mode="json")})
    else:
        _print(found, out)


def _print(found: Comparison, out: Path | None) -> None:
    from overread.evaluation.compare_wording import sentences

    patients = f" of {found.patients:,} patients" if found.patients < found.compared else ""
    print_line(
        f"{found.compared:,} images{patients} of {found.split} that all readers have read; "
        f"{found.level:.0%} intervals in brackets, p after Holm, * more than chance at 5 %.\n"
    )
    for target in found.targets:
        _print_target(found, target.name)
    for sentence in sentences(found):
        print_line(sentence)
    for note in found.notes:
        print_line(note)
    if out is not None:
        print_facts({"page": out})


def _print_target(found: Comparison, target: str) -> None:
    """Figures a reader with intervals, and below each pair's differences with p after Holm."""
    from overread.evaluation.compare_wording import FIGURE_NAMES, difference_interval, is_shown
    from overread.evaluation.wording import interval, number, p_value, signed

    sides = [reader.on(target) for reader in found.readers]
    names = [name for name in FIGURE_NAMES if any(name in one.figures for one in sides)]
    table = Table(title=escape(target), box=None, pad_edge=False, title_justify="left", title_style="bold")
    table.add_column("", style="dim", no_wrap=True)
    for reader in found.readers:
        table.add_column(escape(reader.name), justify="right")
    for pair in found.pairs:
        table.add_column(escape(f"{pair.reader} − {pair.baseline}"), justify="right")
    for name in names:
        cells = [
            f"{number(one.figures[name].value)} {_dim(interval(one.figures[name]))}"
            if name in one.figures
            else "–"
            for one in sides
        ]
        for pair in found.pairs:
            figure = pair.on(target).figures.get(name)
            if figure is None:
                cells.append("–")
                continue
            star = "*" if is_shown(figure) else ""
            tested = "" if figure.adjusted != figure.adjusted else f", p {p_value(figure.adjusted)}"
            cells.append(f"{signed(figure.difference)}{star} {_dim(difference_interval(figure) + tested)}")
        table.add_row(FIGURE_NAMES[name], *cells)
    for pair in found.pairs:
        decisions = pair.on(target).decisions
        if decisions is not None:
            blank = [""] * (len(found.readers) + found.pairs.index(pair))
            words = f"{decisions.reader_only} : {decisions.baseline_only} right alone"
            table.add_row(
                "Decisions (McNemar)", *blank, f"{words} {_dim(f'p {p_value(decisions.adjusted)}')}"
            )
    Console(highlight=False).print(table, "")


def _dim(words: str) -> str:
    return f"[dim]{escape(f'({words})')}[/]"


def register(app: typer.Typer) -> None:
    """Put the command into the app."""
    app.command(rich_help_panel="Readers")(compare)
