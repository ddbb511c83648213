"""`overread ingest`: sources become cohorts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from overread.cli.show import JsonFlag, TerminalProgress, WorkersOption, print_facts, print_json
from overread.errors import UsageError


def ingest(
    source: Annotated[Path, typer.Argument(help="A folder of images.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The cohort's folder.")],
    layout: Annotated[
        str, typer.Option(help="folder (a sub-folder a class), table (labels in a table) or auto.")
    ] = "auto",
    table: Annotated[Path | None, typer.Option(help="CSV, TSV, Excel or Parquet with the labels.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=COLUMN", help="Which column says what: image=isic_id. May be repeated."),
    ] = None,
    task: Annotated[str, typer.Option(help="binary, multiclass, multilabel or auto.")] = "auto",
    positive: Annotated[str | None, typer.Option(help="The finding of a binary cohort.")] = None,
    classes: Annotated[str | None, typer.Option(help="The classes in order, with commas between.")] = None,
    drop_missing: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Reject rows without a value there. May be repeated."),
    ] = None,
    split: Annotated[str, typer.Option(help="Shares of train, tune and test.")] = "0.6,0.2,0.2",
    seed: Annotated[int, typer.Option(help="Of the split.")] = 0,
    name: Annotated[str, typer.Option(help="Of the cohort; default: the source's.")] = "",
    licence: Annotated[str, typer.Option(help="Under which the images may be used.")] = "",
    embed: Annotated[bool, typer.Option(help="Keep the images' bytes, or only point at the files.")] = True,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Read a folder of images and their labels into a cohort; what cannot be read becomes a reject."""
    from overread.cohort import IngestSettings
    from overread.cohort import ingest as ingest_source
    from overread.engine import LocalEngine

    settings = _settings(
        IngestSettings,
        {
            "name": name,
            "task": task,
            "positive": positive,
            "classes": tuple(classes.split(",")) if classes else None,
            "layout": layout,
            "table": table,
            "columns": _pairs(column or []),
            "drop_missing": tuple(drop_missing or ()),
            "split": _shares(split),
            "seed": seed,
            "licence": licence,
            "embed": embed,
        },
    )
    cohort = ingest_source(
        source, out, settings=settings, engine=LocalEngine(workers), progress=TerminalProgress()
    )
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
        "patients": card.patients if card.patient_known else "not known: each image counts as a patient",
        "task": f"{card.task}: {', '.join(card.classes)}",
    }
    facts |= {
        split: ", ".join(f"{count} {label}" for label, count in counts.items())
        for split, counts in card.counts.items()
    }
    print_facts(facts)


def register(app: typer.Typer) -> None:
    """Put the commands into the app."""
    app.command(rich_help_panel="Data")(ingest)


def _pairs(said: list[str]) -> dict[str, str]:
    pairs = dict(one.split("=", 1) for one in said if "=" in one)
    if len(pairs) != len(said):
        raise UsageError(f"expected ROLE=COLUMN, got {said}", where="--column", todo="write image=isic_id")
    return pairs


def _shares(said: str) -> dict[str, float]:
    try:
        train, tune, test = (float(part) for part in said.split(","))
    except ValueError as error:
        raise UsageError(
            f"expected three shares such as 0.6,0.2,0.2, got '{said}'",
            where="--split",
            todo="write three numbers",
        ) from error
    return {"train": train, "tune": tune, "test": test}


def _settings(model: Any, values: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{said[0].lower()}{said[1:]}", where=f"--{key.replace('_', '-')}") from error
