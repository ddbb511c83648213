"""Patient information beside the image: which columns, in which form, and how a network takes them in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from overread.bundle.manifest import MetadataField
from overread.cohort import Cohort
from overread.errors import TrainingError
from overread.training.metadata_encoder import MetadataEncoder
from overread.training.reader import LabelledRows

UNITS = {"age": "years"}
FEWEST_PATIENTS = 5
"""A category of fewer patients of train is left unknown: it says more about them than about a class."""
MOST_CATEGORIES = 30


@dataclass(frozen=True)
class Metadata:
    """What a cohort says of its labelled images beside their pixels.

    Attributes:
        fields: What the bundle will ask for.
        encoder: From raw to what heads weigh.
        raw: `float32 [n, fields]`, in the order of the labelled rows; see `MetadataField`.
    """

    fields: tuple[MetadataField, ...]
    encoder: MetadataEncoder
    raw: npt.NDArray[np.float32]

    @property
    def encoded(self) -> npt.NDArray[np.float64]:
        """`[n, m]`, the very float32 numbers that the network will compute."""
        with torch.no_grad():
            return np.asarray(self.encoder(torch.from_numpy(self.raw)).numpy(), np.float64)

    def notes(self) -> list[str]:
        """Sentences that the report must show."""
        named = ", ".join(
            field.name + (f" (not stated in {field.missing:.0%})" if field.missing else "")
            for field in self.fields
        )
        return [
            f"The reader uses patient information beside the image: {named}. What it learned from it may be "
            "how patients were referred and not how disease looks: look at the subgroups, and compare it "
            "with the same reader without."
        ]


def read_metadata(cohort: Cohort, rows: LabelledRows, names: Sequence[str]) -> Metadata:
    """Take columns of a cohort as metadata; what they mean is learned from `train` alone.

    Raises:
        TrainingError: `train` says nothing in a column.
    """
    table = cohort.table(["image_id", *names])
    place = {image_id: at for at, image_id in enumerate(table["image_id"].to_pylist())}
    table = table.take(pa.array([place[image_id] for image_id in rows.ids], pa.int64()))
    train = rows.of("train")
    fields, columns, centres, scales = [], [], [], []
    for name in names:
        is_number = pa.types.is_floating(table.schema.field(name).type)
        where = f"cohort '{cohort.card.name}', column '{name}'"
        cells = table[name].to_pylist()
        if is_number:
            column = np.array([np.nan if cell is None else cell for cell in cells], np.float32)
            categories: tuple[str, ...] = ()
        else:
            categories = _categories([cells[at] for at in train], rows.groups[train])
            places = {category: float(at) for at, category in enumerate(categories)}
            column = np.array([places.get(cell, np.nan) for cell in cells], np.float32)
        said = column[train][~np.isnan(column[train])]
        if not len(said):
            raise TrainingError(
                "says nothing of the images of train that a reader could learn from",
                where=where,
                todo="take it out of reader.metadata, or bring it with the cohort's table",
            )
        if is_number:
            centre = said.mean(dtype=np.float64, keepdims=True)
            spread = float(said.std(dtype=np.float64))
        else:
            centre, spread = np.bincount(said.astype(np.int64), minlength=len(categories)) / len(said), 1.0
        columns.append(column)
        centres.append(centre)
        scales.append(spread if spread > 1e-6 else 1.0)
        fields.append(
            MetadataField(
                name=name,
                kind="number" if is_number else "category",
                categories=categories,
                unit=UNITS.get(name, ""),
                missing=1 - len(said) / len(train),
            )
        )
    encoder = MetadataEncoder([len(field.categories) for field in fields], centres, scales).eval()
    return Metadata(tuple(fields), encoder, np.stack(columns, 1))


def _categories(cells: Sequence[str | None], groups: npt.NDArray[np.int64]) -> tuple[str, ...]:
    """The categories of some images that enough patients have, at most so many, in the alphabet's order."""
    patients: dict[str, set[int]] = defaultdict(set)
    for cell, group in zip(cells, groups.tolist(), strict=True):
        if cell is not None:
            patients[cell].add(group)
    common = [name for name, who in patients.items() if len(who) >= FEWEST_PATIENTS]
    return tuple(sorted(sorted(common, key=lambda name: (-len(patients[name]), name))[:MOST_CATEGORIES]))
