"""`overread init`, `run` and `demo`: whole studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from overread.cli.engine_options import EngineOption, MasterOption, SparkConfOption, engine_table, with_engine
from overread.cli.show import (
    JsonFlag,
    TerminalProgress,
    WorkersOption,
    figure,
    print_facts,
    print_json,
    print_line,
)
from overread.errors import UsageError

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Overrule a key of the study: reader.head=mlp. May be repeated."
    ),
]


def init(
    kind: Annotated[
        str, typer.Argument(help="skin: benign or malignant; skin7: the seven classes of HAM10000")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The study file to write.")] = Path("study.toml"),
    as_json: JsonFlag = False,
) -> None:
    """Write a commented study file."""
    from overread.study.templates import TEMPLATES, template

    if kind not in TEMPLATES:
        raise UsageError(
            f"expected one of {', '.join(TEMPLATES)}, got '{kind}'", where="overread init", todo="choose one"
        )
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(template(kind))
    except FileExistsError as error:
        raise UsageError("is there already", where=f"'{out}'", todo="choose another name with -o") from error
    if as_json:
        print_json({"study": out})
    else:
        print_line(f"wrote {out}: name your images in it, then run 'overread run {out}'")


def run(
    study: Annotated[Path, typer.Argument(help="The study file; 'overread init skin' writes one.")],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Folder for the results; default: runs/NAME beside the study."),
    ] = None,
    overrule: SetOption = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    spark_conf: SparkConfOption = None,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Do all that a study file says and is not yet done: cohort, reader, evaluation, bundle."""
    from overread.study import load_study, run_study

    asked = with_engine(
        load_study(study, overrule=overrule or []),
        engine=engine,
        workers=workers,
        master=master,
        spark_conf=spark_conf,
    )
    out = out or study.parent / "runs" / asked.settings.study.name
    result = run_study(asked, out, progress=TerminalProgress())
    said = result.as_json()
    if as_json:
        print_json(said)
        return
    _show_figures(said["figures"])
    for note in result.notes:
        print_line(note)
    print_facts({name: said[name] for name in ("report", "bundle", "readings", "evaluation")})


def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for everything that is made.")] = Path(
        "out/demo"
    ),
    engine: EngineOption = None,
    master: MasterOption = None,
    spark_conf: SparkConfOption = None,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """The whole loop on generated skin lesions, offline: images, cohort, reader, report, bundle, readings."""
    from overread.study.demo import run_demo
    from overread.study.settings import EngineTable

    table = engine_table(EngineTable(), engine=engine, workers=workers, master=master, spark_conf=spark_conf)
    result = run_demo(out, engine=table, progress=TerminalProgress())
    said = result.as_json()
    if as_json:
        print_json(said)
        return
    _show_figures(said["figures"])
    print_facts(
        {name: said["strangers"][name] for name in said["strangers"]},
        title="\nImages that are no skin lesions",
    )
    print_line(f"\n{result.assessed:.1%} of {result.lesions} lesions that it never saw could be assessed.\n")
    print_facts({name: said[name] for name in ("report", "bundle", "readings", "evaluation")})


def register(app: typer.Typer) -> None:
    """Put the commands into the app."""
    for command in (demo, init, run):
        app.command(rich_help_panel="Studies")(command)


def _show_figures(figures: dict[str, Any]) -> None:
    names = {
        "roc_auc": "ROC AUC",
        "sensitivity": "sensitivity",
        "specificity": "specificity",
        "accuracy": "accuracy",
        "calibration_error": "calibration error",
    }
    recalls = {name: name.replace("/recall", ": recall") for name in figures if name.endswith("/recall")}
    if recalls:  # of several classes
        names |= {"balanced_accuracy": "balanced accuracy", **recalls}
    shown = {words: figure(figures[name]) for name, words in names.items() if name in figures}
    print_facts(shown, title="On images that played no part in training (95 % intervals)")
