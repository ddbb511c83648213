"""`overread heads`: heads of scikit-learn and of Spark ML on the same features and folds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from overread.cli.engine_options import EngineOption, MasterOption, SparkConfOption, with_engine
from overread.cli.show import JsonFlag, TerminalProgress, WorkersOption, print_facts, print_json, print_line
from overread.cli.studies import SetOption

if TYPE_CHECKING:
    from overread.study.heads import HeadTable


def heads(
    target: Annotated[Path, typer.Argument(help="A study file, or a cohort's folder.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder for the table, the page and what is kept.")
    ],
    kinds: Annotated[
        str, typer.Option("--heads", metavar="NAME,…", help="The first is what the others are compared with.")
    ] = "logistic,random-forest,gradient-boosting",
    fit_on: Annotated[str, typer.Option(metavar="NAME,…", help="local, spark or both.")] = "local,spark",
    reduce: Annotated[str, typer.Option(metavar="NAME,…", help="Some of none, pca and select.")] = "none",
    resamples: Annotated[int, typer.Option(min=100, help="Of the patient-clustered bootstrap.")] = 2000,
    overrule: SetOption = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    spark_conf: SparkConfOption = None,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put heads side by side on the same features and folds of patients; the test split is not read."""
    from overread.study.heads import compare_heads, opened_heads_study, planned

    rows = planned(*(_listed(one) for one in (kinds, fit_on, reduce)))
    study, cohort = opened_heads_study(target, overrule=overrule or [])
    asked = with_engine(study, engine=engine, workers=workers, master=master, spark_conf=spark_conf)
    found = compare_heads(
        asked, out, rows=rows, cohort=cohort, resamples=resamples, progress=TerminalProgress()
    )
    if as_json:
        print_json(found.as_json())
    else:
        _print(found)


def _listed(said: str) -> list[str]:
    return [one.strip() for one in said.split(",") if one.strip()]


def _print(found: HeadTable) -> None:
    from overread.evaluation.wording import number, p_value, signed
    from overread.study import heads_page as page

    print_line(page.lead(found) + "\n")
    table = Table(box=None, pad_edge=False)
    for name in ("Head", "Fitted", "Features"):
        table.add_column(name, justify="right" if name == "Features" else "left")
    for name in (page.METRICS[found.metric], "To the first", "p", "Log loss", "Seconds", "Parity"):
        table.add_column(name, justify="right")
    for row in found.rows:
        head = row.head if row.reduce == "none" else f"{row.head}, {page.REDUCED[row.reduce]}"
        if row.failed:
            table.add_row(head, page.FITTED[row.fit_on], f"[red]{escape(row.failed)}[/]")
            continue
        span = page.interval(row.low, row.high)
        table.add_row(
            head,
            page.FITTED[row.fit_on],
            f"{row.features:,}",
            f"{number(row.value)} [dim]({span})[/]" if span else number(row.value),
            "" if row.difference != row.difference else signed(row.difference),
            "" if row.p_value != row.p_value else p_value(row.p_value),
            number(row.log_loss),
            page.seconds(row.seconds),
            page.parity(row),
        )
    Console(highlight=False).print(table, "")
    for sentence in (*page.sentences(found), *page.cautions(found)):
        print_line(sentence)
    print_facts({"page": found.page, "table": found.table})


def register(app: typer.Typer) -> None:
    """Put the command into the app."""
    app.command(rich_help_panel="Readers")(heads)
