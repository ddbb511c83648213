"""`overread train`, `evaluate` and `predict`: the steps of a study one by one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from overread.cli.engine_options import (
    EngineOption,
    MasterOption,
    SparkConfOption,
    chosen_engine,
    with_engine,
)
from overread.cli.show import (
    JsonFlag,
    TerminalProgress,
    WorkersOption,
    figure,
    print_facts,
    print_json,
    print_line,
)
from overread.cli.studies import SetOption


def train(
    cohort: Annotated[Path, typer.Argument(help="The cohort's folder.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The bundle's folder.")],
    study: Annotated[
        Path | None,
        typer.Option(
            help=r"A study file, of which \[reader], \[evaluation], \[bundle] and \[engine] are used."
        ),
    ] = None,
    overrule: SetOption = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    spark_conf: SparkConfOption = None,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Train a reader on a cohort, calibrate it and pack it; the test split is not read."""
    from overread.cohort import Cohort
    from overread.study import train as train_cohort
    from overread.study.settings import Study, check_study, load_study, overruled

    opened = Cohort.load(cohort)
    if study is not None:
        asked = load_study(study, overrule=overrule or [])
    else:
        said = overruled({"cohort": {"source": str(cohort)}}, overrule or [])
        asked = Study(check_study(said, where="--set"), Path())
    asked = with_engine(asked, engine=engine, workers=workers, master=master, spark_conf=spark_conf)
    settings, progress = asked.settings, TerminalProgress()
    with settings.engine.opened(progress=progress) as running:
        bundle = train_cohort(
            opened,
            out,
            reader=settings.reader.model_copy(update={"weights": asked.weights}),
            evaluation=settings.evaluation,
            bundle=settings.bundle,
            name=settings.study.name if study is not None else None,
            seed=settings.study.seed,
            engine=running,
            progress=progress,
        )
    points = [point.model_dump(mode="json") for point in bundle.manifest.operating_points]
    if as_json:
        print_json({"bundle": out, "name": bundle.label, "operating_points": points})
    else:
        print_facts({"bundle": out, "name": bundle.label, "operating point": bundle.manifest.operating_label})


def evaluate(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder or .overread file.")],
    cohort: Annotated[Path, typer.Argument(help="The cohort's folder.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder for report.html, evaluation.json and readings.")
    ],
    split: Annotated[str, typer.Option(help="train, tune or test.")] = "test",
    resamples: Annotated[int, typer.Option(min=100, help="Of the patient-clustered bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    without_metadata: Annotated[
        bool, typer.Option("--without-metadata", help="Tell the reader nothing beside the images.")
    ] = False,
    engine: EngineOption = None,
    master: MasterOption = None,
    spark_conf: SparkConfOption = None,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Read a split of a cohort with a bundle and report how far the reader can be trusted."""
    from overread.cohort import Cohort
    from overread.study import evaluate as evaluate_bundle

    progress = TerminalProgress()
    opened = Cohort.load(cohort)
    with chosen_engine(
        engine, workers=workers, master=master, spark_conf=spark_conf, progress=progress
    ) as running:
        found = evaluate_bundle(
            bundle,
            opened,
            out,
            split=split,
            resamples=resamples,
            seed=seed,
            without_metadata=without_metadata,
            engine=running,
            progress=progress,
        )
    paths = {
        "report": out / "report.html",
        "evaluation": out / "evaluation.json",
        "readings": out / "readings.parquet",
    }
    if as_json:
        print_json({**paths, "test_reads": found.test_reads, "figures": found.summary()})
        return
    print_facts(
        {name: figure(one) for name, one in found.summary().items()}, title=f"On {split}, with 95 % intervals"
    )
    if found.test_reads:
        print_line(f"Readers that have seen the test split of this cohort: {found.test_reads}.")
    print_facts(paths)


def predict(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder or .overread file.")],
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="Images, folders, cohorts or Parquet files; with Spark also of s3a://, hdfs://, abfss://, …"
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="FILE.csv or FILE.parquet.")],
    small: Annotated[
        bool, typer.Option("--small", help="Read with the small network; readings say bundle@version+small.")
    ] = False,
    metadata: Annotated[
        Path | None,
        typer.Option(help="CSV, TSV, Excel or Parquet with what the bundle asks for, a row an image."),
    ] = None,
    engine: EngineOption = None,
    master: MasterOption = None,
    spark_conf: SparkConfOption = None,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Read images with a bundle; what cannot be read stands in FILE.rejects.parquet."""
    from overread.bundle import predict as predict_images

    progress = TerminalProgress()
    with chosen_engine(
        engine, workers=workers, master=master, spark_conf=spark_conf, progress=progress
    ) as running:
        summary = predict_images(
            bundle, inputs, out, small=small, metadata=metadata, engine=running, progress=progress
        )
    if as_json:
        print_json(asdict(summary))
        return
    print_facts(
        {
            "readings": summary.readings,
            "found": f"{summary.found} = {summary.read} read + {summary.rejected} rejected",
            **{str(decision): count for decision, count in summary.decisions.items()},
            **({"rejects": summary.rejects} if summary.rejected else {}),
            **({"without metadata": summary.without_metadata} if summary.without_metadata else {}),
        },
        title=f"Read by {summary.bundle}",
    )


def register(app: typer.Typer) -> None:
    """Put the commands into the app."""
    for command in (train, evaluate, predict):
        app.command(rich_help_panel="Readers")(command)
