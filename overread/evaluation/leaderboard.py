"""Where a reader would stand in a published table: figures of others, each with its source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from overread.bundle.manifest import Manifest
from overread.bundle.seal import MANIFEST_NAME, unseal
from overread.errors import EvaluationError
from overread.evaluation import wording
from overread.evaluation.figures import Figure, Part
from overread.evaluation.results import Evaluation

TABLES = ("isic2018-task3",)
"""The tables that Overread brings; see `overread/evaluation/published`."""


class Entry(Part):
    """One published figure.

    Args:
        name: What was submitted.
        team: Whose it is.
        value: The figure.
        place: Among all submissions, where a source states it.
        other_data: Whether it was trained on more than the challenge's images; None: not known.
        stated: What the source says, in our words; begins with "derived" where it is put together.
        source: Where that can be read.
    """

    name: str
    team: str
    value: float
    place: int | None = None
    other_data: bool | None = None
    stated: str
    source: str


class PublishedTable(Part):
    """A table of figures that others reached.

    Args:
        name: By which it is asked for.
        title: For people.
        about: What was asked there, and of how many.
        metric: The figure's name in evaluation.json.
        metric_title: The figure's name for people.
        images: On how many images.
        classes: Code of each class → its other names, in lower case.
        collected: When the sources were read.
        licence: What was taken from them, and what was not.
        sources: Of what `about` says.
        differs: Why a figure on other images is no place in this table.
        entries: The highest first.
        beside: Figures that others reached on images of their own.
    """

    name: str
    title: str
    about: str
    metric: str
    metric_title: str
    images: int
    classes: dict[str, tuple[str, ...]]
    collected: str
    licence: str
    sources: tuple[str, ...]
    differs: tuple[str, ...]
    entries: tuple[Entry, ...]
    beside: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Placed:
    """A reader beside a table.

    Attributes:
        name: Of its run.
        bundle: name@version.
        figure: The table's figure with its interval.
        recalls: Class → recall, for the classes in the bundle's order.
        images: On how many images.
        clusters: How many patients these are of, or lesions where patients are not known.
        clustered_by: "patient", "lesion or study" or "image".
        above: Published entries that are higher than the figure.
        surely_above: Those that are higher than its whole interval.
        cautions: What must be known before the figure is trusted.
    """

    name: str
    bundle: str
    figure: Figure
    recalls: dict[str, Figure]
    images: int
    clusters: int
    clustered_by: str
    above: int
    surely_above: int
    cautions: tuple[str, ...]


def load_table(name: str) -> PublishedTable:
    """Read a table that Overread brings.

    Raises:
        EvaluationError: There is none of this name.
    """
    if name not in TABLES:
        raise EvaluationError(
            f"there is no published table {name!r}", where="leaderboard", todo=f"choose {' or '.join(TABLES)}"
        )
    text = (files(__package__) / "published" / f"{name}.json").read_text("utf-8")
    return PublishedTable.model_validate_json(text)


def place_run(folder: Path, table: PublishedTable, *, name: str | None = None) -> Placed:
    """Set the evaluation of a run beside a table.

    Args:
        folder: With evaluation.json, and the bundle where the run made one.
        table: The table.
        name: What to call it; None: the folder's name.

    Raises:
        EvaluationError: There is no evaluation, or it answers another question than the table.
        BundleError: bundle.json is damaged.
    """
    evaluation = Evaluation.load(folder / "evaluation.json")
    return place(evaluation, table, name=name or folder.resolve().name, manifest=_manifest(folder / "bundle"))


def place(
    evaluation: Evaluation, table: PublishedTable, *, name: str, manifest: Manifest | None = None
) -> Placed:
    """Set an evaluation beside a table.

    Args:
        evaluation: Of several classes: those of the table.
        table: The table.
        name: What to call it.
        manifest: Of the bundle, for what it says of its own limits.

    Raises:
        EvaluationError: The classes are others, or the figure is undefined.
    """
    _check_classes(evaluation, table, name=name)
    figure = evaluation.overall[table.metric]
    if np.isnan(figure.value):
        raise EvaluationError(
            f"has no {table.metric_title}: too few classes have an image",
            where=f"evaluation of {name}",
            todo="evaluate on more images",
        )
    highest = figure.value if np.isnan(figure.high) else figure.high
    said = () if manifest is None else (*manifest.limits, *wording.cautions(evaluation, manifest=manifest))
    known = evaluation.cohort.patient_known if evaluation.cohort else True
    grouped = "lesion or study" if wording.groups_known(evaluation) else "image"
    return Placed(
        name=name,
        bundle=evaluation.bundle,
        figure=figure,
        recalls={one.name: one.figures["recall"] for one in evaluation.findings},
        images=evaluation.counts.used,
        clusters=evaluation.counts.patients,
        clustered_by="patient" if known else grouped,
        above=_higher(table.entries, figure.value),
        surely_above=_higher(table.entries, highest),
        cautions=said,
    )


def _higher(entries: Iterable[Entry], value: float) -> int:
    return sum(entry.value > value for entry in entries)


def _check_classes(evaluation: Evaluation, table: PublishedTable, *, name: str) -> None:
    """Whether every class of the table is one of the reader's, and no other."""
    of_name = {other.casefold(): code for code, names in table.classes.items() for other in (code, *names)}
    read = [of_name.get(one.casefold()) for one in evaluation.classes]
    if evaluation.task != "multiclass" or sorted(map(str, read)) != sorted(table.classes):
        raise EvaluationError(
            f"expected the {len(table.classes)} classes {', '.join(table.classes)} of {table.title}, got "
            f"{evaluation.task} {', '.join(evaluation.classes)}",
            where=f"evaluation of {name}",
            todo="train a reader of these classes: 'overread init skin7' writes such a study",
        )


def _manifest(bundle: Path) -> Manifest | None:
    """As bundle.json says; the other files are not checked, for nothing is run."""
    path = bundle / MANIFEST_NAME
    try:
        return unseal(path.read_bytes(), where=f"bundle '{bundle}'")
    except OSError:
        return None  # an evaluation by itself
