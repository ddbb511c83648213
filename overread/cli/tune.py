"""`overread tune`: settings of the reader are searched on train and tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from overread.cli.engine_options import EngineOption, MasterOption, SparkConfOption, with_engine
from overread.cli.show import JsonFlag, TerminalProgress, WorkersOption, print_facts, print_json, print_line
from overread.cli.studies import SetOption


def tune(
    study: Annotated[Path, typer.Argument(help=r"The study file; its \[tune] table says what is tried.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the search and its results.")],
    trials: Annotated[
        int | None, typer.Option(min=1, help="Until there are so many; default: as the study says.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0, metavar="MINUTES", help="Begin no trial after so long.")
    ] = None,
    overrule: SetOption = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    spark_conf: SparkConfOption = None,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Search for better settings of the reader on train and tune; the test split is not read."""
    from overread.study import load_study
    from overread.study.tune import tune_study

    asked = with_engine(
        load_study(study, overrule=overrule or []),
        engine=engine,
        workers=workers,
        master=master,
        spark_conf=spark_conf,
    )
    result = tune_study(asked, out, trials=trials, timeout=timeout, progress=TerminalProgress())
    if as_json:
        print_json(result.as_json())
        return
    chosen = ", ".join(f"{key} = {value}" for key, value in result.settings.items())
    print_facts(
        {
            "best": f"trial {result.number}: {chosen}" if result.number else "the study as it is",
            result.metric: f"{result.value:.3f}, standard error {result.standard_error:.3f}",
            "the study as it is": f"{result.unchanged:.3f}",
            "corrected for choosing": f"{result.corrected:.3f}",
            "trials": f"{result.trials}, of which {result.failed} failed",
        },
        title=f"Judged {'on tune' if result.judge == 'tune' else 'by nested cross-validation'}",
    )
    if result.simplest != result.number:
        simple = f"trial {result.simplest}" if result.simplest else "the study as it is"
        print_line(f"Within one standard error of the best, with fewer changes: {simple}.")
    print_facts({"study": result.best, "page": result.page, "trials": result.table})
    print_line(f"The figures are those of choosing; to measure on test: overread run {result.best}")


def register(app: typer.Typer) -> None:
    """Put the command into the app."""
    app.command(rich_help_panel="Readers")(tune)
