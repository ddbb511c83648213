"""What `ingest` and `explore` can be told of a source, once for both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from overread.errors import UsageError

LayoutOption = Annotated[
    str,
    typer.Option(
        "--layout",
        help="folder (a sub-folder a class), table (labels in a table), ham10000, isic, nih, medmnist, auto.",
    ),
]
TableOption = Annotated[
    Path | None, typer.Option("--table", help="CSV, TSV, Excel or Parquet with the labels.")
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="ROLE=COLUMN", help="Which column says what: image=isic_id. May be repeated."
    ),
]
TaskOption = Annotated[str, typer.Option("--task", help="binary, multiclass, multilabel or auto.")]
PositiveOption = Annotated[str | None, typer.Option("--positive", help="The finding of a binary cohort.")]
ClassesOption = Annotated[
    str | None, typer.Option("--classes", help="The classes in order, with commas between.")
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="CODE=CLASS", help="The class that a code of the source means. May be repeated."
    ),
]
DropMissingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--drop-missing", metavar="COLUMN", help="Reject rows without a value there. May be repeated."
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="COLUMN=VALUE", help="Leave out rows with this. May be repeated."),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="COLUMN=VALUE", help="Leave out rows without this. May be repeated."),
]
SplitOption = Annotated[str, typer.Option("--split", help="Shares of train, tune and test.")]
SplitByOption = Annotated[
    str,
    typer.Option(
        "--split-by",
        help="What never stands on two sides: patient, group, site, source, device; date; or image: nothing.",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Of the split.")]
NearOption = Annotated[
    bool,
    typer.Option(
        "--near-duplicates/--no-near-duplicates", help="Look for turned, cropped or recompressed copies."
    ),
]


def source_settings(
    *,
    column: Sequence[str] | None,
    classes: str | None,
    map: Sequence[str] | None,  # noqa: A002
    drop_missing: Sequence[str] | None,
    exclude: Sequence[str] | None,
    only: Sequence[str] | None,
    split: str,
    **plain: Any,
) -> Any:
    """The `IngestSettings` that options on a command line stand for.

    Args:
        column: "ROLE=COLUMN" each.
        classes: With commas between.
        map: "CODE=CLASS" each.
        drop_missing: Roles or columns.
        exclude: "COLUMN=VALUE" each.
        only: "COLUMN=VALUE" each.
        split: Three shares with commas between.
        plain: Every other setting as it is.

    Raises:
        UsageError: An option cannot be what it says.
    """
    from pydantic import ValidationError

    from overread.cohort import IngestSettings

    values = {
        **plain,
        "columns": pairs("--column", column, "image=isic_id"),
        "classes": tuple(classes.split(",")) if classes else None,
        "map": pairs("--map", map, "nv=benign"),
        "drop_missing": tuple(drop_missing or ()),
        "exclude": _lists("--exclude", exclude),
        "only": _lists("--only", only),
        "split": _shares(split),
    }
    try:
        return IngestSettings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        option = {"columns": "column"}.get(key.split(".")[0], key).replace("_", "-")
        raise UsageError(f"{said[0].lower()}{said[1:]}", where=f"--{option}") from error


def pairs(option: str, said: Sequence[str] | None, example: str) -> dict[str, str]:
    """What an option said as NAME=VALUE, each name once.

    Raises:
        UsageError: There is no "=" or no name, or a name stands twice.
    """
    found: dict[str, str] = {}
    for one in said or ():
        name, equals, value = one.partition("=")
        if not equals or not name or name in found:
            what = f"'{name}' stands twice" if name in found else f"expected NAME=VALUE, got '{one}'"
            raise UsageError(what, where=option, todo=f"write {example}")
        found[name] = value
    return found


def _lists(option: str, said: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    lists: dict[str, tuple[str, ...]] = {}
    for one in said or ():
        [(name, value)] = pairs(option, [one], "view=AP").items()
        lists[name] = (*lists.get(name, ()), value)
    return lists


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
