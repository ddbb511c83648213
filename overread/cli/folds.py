"""`overread folds`: a cohort divided for cross-validation."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Annotated, Literal

import typer

from overread.cli.show import JsonFlag, print_facts, print_json
from overread.errors import UsageError


def folds(
    cohort: Annotated[Path, typer.Argument(help="The cohort's folder.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A .csv or .parquet file, one row an image.")],
    count: Annotated[int, typer.Option("-k", "--folds", min=2, help="How many folds.")] = 5,
    inner: Annotated[
        int | None, typer.Option(min=2, help="Inner folds in the rest of each, for nested cross-validation.")
    ] = None,
    by: Annotated[
        Literal["patient", "site", "source", "device"],
        typer.Option(help="What stays in one fold; sites, sources and devices beside the patients."),
    ] = "patient",
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="SPLIT", help="Only train, tune or test. May be repeated; default: all."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Divide a cohort into folds that no patient, lesion or picture crosses and that keep class shares."""
    from pyarrow import csv

    from overread.cohort import SPLITS, Cohort
    from overread.cohort.folds import cohort_folds, count_folds
    from overread.engine import write_atomically, write_table

    if out.suffix not in (".csv", ".parquet"):
        raise UsageError(
            f"expected a name that ends with .csv or .parquet, got '{out.name}'",
            where="--out",
            todo=f"write -o {out.stem}.csv",
        )
    unknown = [one for one in split or () if one not in SPLITS]
    if unknown:
        raise UsageError(
            f"there is no split '{unknown[0]}'", where="--split", todo=f"write one of {', '.join(SPLITS)}"
        )
    loaded = Cohort.load(cohort)
    splits = [one for one in SPLITS if not split or one in split]
    table = cohort_folds(loaded, folds=count, inner=inner, seed=seed, by=by, splits=splits)
    if out.suffix == ".csv":
        buffer = BytesIO()
        csv.write_csv(table, buffer, csv.WriteOptions(quoting_style="needed"))
        write_atomically(out, buffer.getvalue())
    else:
        write_table(out, table)
    counts = count_folds(loaded, table)
    if as_json:
        print_json(
            {
                "folds": out,
                "cohort": loaded.path,
                "content_hash": loaded.card.content_hash,
                "images": table.num_rows,
                "seed": seed,
                "counts": counts,
            }
        )
        return
    facts: dict[str, object] = {"folds": out, "images": table.num_rows}
    facts |= {
        f"fold {fold}": ", ".join(f"{count} {name}" for name, count in of.items())
        for fold, of in counts.items()
    }
    print_facts(facts)


def register(app: typer.Typer) -> None:
    """Put the command into the app."""
    app.command(rich_help_panel="Data")(folds)
