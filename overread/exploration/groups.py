"""Which images belong to which class: the rows of every table and plot of the page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overread.cohort import CohortCard

NONE_OF_THEM = "none of these"
UNLABELLED = "no label"


@dataclass(frozen=True)
class ClassGroups:
    """The classes of a cohort, the absence of them included.

    Attributes:
        names: The classes in the card's order; then what a binary cohort calls their absence, or of a
            multilabel cohort the images with none of them; then images of unknown class, if any.
        members: bool [names, images].
        findings: How many of the names are classes of the card.
        exclusive: Whether no image has two of them.
    """

    names: tuple[str, ...]
    members: NDArray[np.bool_]
    findings: int
    exclusive: bool

    @property
    def images(self) -> list[int]:
        """Images of each group."""
        return [int(row.sum()) for row in self.members]

    def of(self, at: int) -> list[str]:
        """The groups of one image.

        Args:
            at: Its place in the table.
        """
        return [name for name, row in zip(self.names, self.members, strict=True) if row[at]]


def class_groups(card: CohortCard, table: pa.Table) -> ClassGroups:
    """Group a cohort's rows by class.

    Args:
        card: Names the classes.
        table: Its column `target` has one entry a class: 1 present, 0 absent, NaN not stated; or null.
    """
    targets = target_matrix(table, len(card.classes))
    present = targets == 1
    absent = (targets == 0).all(axis=1)
    names, rows = list(card.classes), list(present.T)
    if card.task == "multilabel" or card.negative:
        names.append(card.negative or NONE_OF_THEM)
        rows.append(absent)
    rest = ~np.any(rows, axis=0) if rows else np.ones(table.num_rows, bool)
    if rest.any():
        names.append(UNLABELLED)
        rows.append(rest)
    return ClassGroups(
        names=tuple(names),
        members=np.array(rows, bool).reshape(len(names), table.num_rows),
        findings=len(card.classes),
        exclusive=card.task != "multilabel",
    )


def target_matrix(table: pa.Table, classes: int) -> NDArray[np.float32]:
    """The targets as float32 [images, classes]; NaN where an image has none."""
    column = table["target"].combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no chunks
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    targets = np.full((len(column), classes), np.nan, np.float32)
    stated = column.is_valid().to_numpy(zero_copy_only=False)
    values = column.filter(column.is_valid()).flatten().to_numpy(zero_copy_only=False)
    targets[stated] = values.reshape(-1, classes)
    return targets
