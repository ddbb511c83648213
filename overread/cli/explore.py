"""`overread explore`: a cohort, a folder, a table or an archive becomes a page to look at."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overread.cli.engine_options import EngineOption, MasterOption, SparkConfOption, chosen_engine
from overread.cli.show import (
    JsonFlag,
    TerminalProgress,
    WorkersOption,
    figure,
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
from overread.errors import CohortError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from overread.exploration.shortcuts import Shortcut
    from overread.exploration.subject import Subject


def explore(
    source: Annotated[Path, typer.Argument(help="A cohort, a folder of images, a table or an .npz.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The page: a file that ends in .html.")],
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
    seed: SeedOption = 0,
    near_duplicates: NearOption = True,
    audit: Annotated[
        bool, typer.Option("--audit/--no-audit", help="Ask how well classes are told by what is no disease.")
    ] = True,
    engine: EngineOption = None,
    master: MasterOption = None,
    spark_conf: SparkConfOption = None,
    workers: WorkersOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a cohort, or a source that could become one, in one page: flow, classes, leakage, shortcuts."""
    from overread.engine import write_atomically
    from overread.exploration.open import open_subject
    from overread.exploration.page import render_page

    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"expected a file that ends in .html, got '{out}'", where="-o", todo="name the page")
    if not source.exists():
        raise CohortError("there is nothing of this name", where=f"source '{source}'", todo="check the path")
    settings = source_settings(
        column=column,
        classes=classes,
        map=map_,
        drop_missing=drop_missing,
        exclude=exclude,
        only=only,
        split=split,
        table=table,
        layout=layout,
        task=task,
        positive=positive,
        split_by=split_by,
        seed=seed,
        near_duplicates=near_duplicates,
    )
    progress = TerminalProgress()
    with TemporaryDirectory(prefix="overread-explore-") as work:
        with chosen_engine(
            engine, workers=workers, master=master, spark_conf=spark_conf, progress=progress
        ) as running:
            subject = open_subject(
                source, settings=settings, work=Path(work) / "cohort", engine=running, progress=progress
            )
        shortcuts: tuple[Shortcut, ...] = ()
        if audit:
            from overread.exploration.shortcuts import audit_shortcuts

            shortcuts = audit_shortcuts(subject, seed=seed, progress=progress)
        page = render_page(subject, shortcuts=shortcuts, audited=audit, seed=seed, progress=progress)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, page.encode())
    if as_json:
        print_json(_facts(out, subject, shortcuts))
    else:
        _print(out, subject, shortcuts)


def _facts(out: Path, subject: Subject, shortcuts: Sequence[Shortcut]) -> dict[str, Any]:
    """What a program may rely on; images and counts, no ids but those of examples."""
    card = subject.card
    everything: dict[str, int] = {}
    for counts in card.counts.values():
        for name, count in counts.items():
            everything[name] = everything.get(name, 0) + count
    said = card.model_dump(mode="json")
    return {
        "page": out,
        "name": card.name,
        "found": card.found,
        "used": card.images,
        "rejected": card.rejected,
        "task": card.task,
        "classes": list(card.classes),
        "class_counts": everything,
        "counts": said["counts"],
        "patients": card.patients,
        "patient_known": card.patient_known,
        "groups": card.groups,
        "copies": card.augmented.copies if card.augmented is not None else 0,
        "images_read": subject.images_of is not None,
        "flow": said["flow"],
        "leakage": said["leakage"],
        "duplicates": None if subject.duplicates is None else subject.duplicates.num_rows,
        "shortcuts": [one.model_dump(mode="json") for one in shortcuts],
        "reject_reasons": said["reject_reasons"],
    }


def _print(out: Path, subject: Subject, shortcuts: Sequence[Shortcut]) -> None:
    facts = _facts(out, subject, shortcuts)
    print_facts(
        {
            "page": out,
            "found": f"{facts['found']} = {facts['used']} used + {facts['rejected']} rejected",
            "patients": patients_told(
                facts["patient_known"], patients=facts["patients"], groups=facts["groups"]
            ),
            "task": f"{facts['task']}: {', '.join(facts['classes'])}",
            "classes": ", ".join(f"{count} {name}" for name, count in facts["class_counts"].items()),
            "leakage": [leak["sentence"] for leak in facts["leakage"]] or "none found",
            "shortcuts": [
                f"{one.class_name} by {one.title}: AUC "
                + figure({"value": one.auc, "low": one.low, "high": one.high})
                for one in shortcuts
                if one.warned
            ],
        }
    )


def register(app: typer.Typer) -> None:
    """Put the command into the app."""
    app.command(rich_help_panel="Data")(explore)
