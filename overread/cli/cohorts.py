"""`overread ingest`: sources become cohorts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from overread.cli.engine_options import EngineOption, MasterOption, SparkConfOption, chosen_engine
from overread.cli.show import (
    JsonFlag,
    TerminalProgress,
    WorkersOption,
    patients_told,
    print_facts,
    print_json,
)
from overread.cli.source_options import (
    ClassesOption,
    ColumnOption,
    DropMissingOption,
    ExcludeOption,
    LayoutOption,
    MapOption,
    NearOption,
    OnlyOption,
    PositiveOption,
    SeedOption,
    SplitByOption,
    SplitOption,
    TableOption,
    TaskOption,
    source_settings,
)
from overread.errors import UsageError


def ingest(
    out: Annotated[Path, typer.Option("-o", "--out", help="The cohort's folder.")],
    source: Annotated[
        str | None,
        typer.Argument(
            help="A folder of images, a table, or an archive of arrays (.npz); with Spark also of s3a://, …"
        ),
    ] = None,
    layout: LayoutOption = "auto",
    table: TableOption = None,
    column: ColumnOption = None,
    task: TaskOption = "auto",
    positive: PositiveOption = None,
    classes: ClassesOption = None,
    map_: MapOption = None,
    drop_missing: DropMissingOption = None,
    exclude: ExcludeOption = None,
    only: OnlyOption = None,
    split: SplitOption = "0.6,0.2,0.2",
    split_by: SplitByOption = "patient",
    near_duplicates: NearOption = True,
    accept_leakage: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="Leakage that does not stop the ingest: patient, group, file, pixels, near-duplicate. May be"
            " repeated.",
        ),
    ] = None,
    seed: SeedOption = 0,
    name: Annotated[str, typer.Option(help="Of the cohort; default: the source's.")] = "",
    licence: Annotated[str, typer.Option(help="Under which the images may be used.")] = "",
    embed: Annotated[bool, typer.Option(help="Keep the images' bytes, or only point at the files.")] = True,
    retry: Annotated[
        bool, typer.Option("--retry", help="Read the rejects of the cohort at -o again, and nothing else.")
    ] = False,
    engine: EngineOption = None,
    master: MasterOption = None,
    spark_conf: SparkConfOption = None,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Read images and their labels into a cohort; what cannot be read becomes a reject."""
    from overread.cohort import ingest as ingest_source

    given: Path | str
    if retry:
        given, settings = _said_before(out, source)
    elif source is None:
        raise UsageError(
            "no source was named", where="overread ingest", todo="write overread ingest SOURCE -o COHORT"
        )
    else:
        given = source
        settings = source_settings(
            column=column,
            classes=classes,
            map=map_,
            drop_missing=drop_missing,
            exclude=exclude,
            only=only,
            split=split,
            name=name,
            task=task,
            positive=positive,
            layout=layout,
            table=table,
            split_by=split_by,
            near_duplicates=near_duplicates,
            accept_leakage=tuple(accept_leakage or ()),
            seed=seed,
            licence=licence,
            embed=embed,
        )
    progress = TerminalProgress()
    with chosen_engine(
        engine, workers=workers, master=master, spark_conf=spark_conf, progress=progress
    ) as running:
        cohort = ingest_source(given, out, settings=settings, engine=running, retry=retry, progress=progress)
    card = cohort.card
    if as_json:
        print_json(
            {
                "cohort": cohort.path,
                "rejects": cohort.path / "rejects.parquet",
                **card.model_dump(mode="json"),
            }
        )
        return
    facts: dict[str, Any] = {
        "cohort": cohort.path,
        "found": f"{card.found} = {card.read} read + {card.rejected} rejected",
        "patients": patients_told(card.patient_known, patients=card.patients, groups=card.groups),
        "task": f"{card.task}: {', '.join(card.classes)}",
    }
    facts |= {
        split: ", ".join(f"{count} {label}" for label, count in counts.items())
        for split, counts in card.counts.items()
    }
    facts |= {f"leakage ({leak.kind})": leak.sentence for leak in card.leakage}
    print_facts(facts)


def register(app: typer.Typer) -> None:
    """Put the commands into the app."""
    app.command(rich_help_panel="Data")(ingest)


def _said_before(out: Path, source: str | None) -> tuple[Path | str, Any]:
    """Source and settings of the ingest that made a cohort; a source that is named again must be that one."""
    from overread.cohort.ingest_key import made_from

    before, settings = made_from(out)
    same = source is None or (
        Path(source).resolve() == before.resolve()
        if isinstance(before, Path)
        else source.rstrip("/") == before.rstrip("/")
    )
    if not same:
        raise UsageError(
            f"the cohort was made from '{before}'",
            where=f"--retry with source '{source}'",
            todo="leave the source out",
        )
    return before, settings
