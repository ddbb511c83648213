"""What training passes from phase to phase: the labelled rows, and the reader so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from overread.bundle.manifest import MetadataField
from overread.cohort import Cohort
from overread.cohort.folds import cohort_groups
from overread.errors import TrainingError
from overread.imaging import Preprocess
from overread.training.network import ReaderNetwork, Task
from overread.training.novelty import TrainingDensity

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """Logits of images that whatever gave them was not trained on: what calibration and thresholds come from.

    Attributes:
        logits: `float64 [n, outputs]`.
        targets: `float64 [n, classes]`, 1, 0 or NaN.
        groups: `int64 [n]`, images of one patient share a number.
        split: Where they come from in short, to stand behind "on": "tune".
        described: The same in full.
    """

    logits: Floats
    targets: Floats
    groups: npt.NDArray[np.int64]
    split: str
    described: str


@dataclass(frozen=True)
class TrainedReader:
    """A reader before it is calibrated and packed.

    Attributes:
        network: Normalised images to logits.
        preprocess: What brings an image to the network.
        task: Of the cohort.
        held_out: For calibration and operating points.
        density: Where the training images lie.
        novelty_threshold: Chosen on tune.
        phases: The phases whose result was kept.
        history: One row an epoch, for the report's curves.
        notes: Sentences that the report must show.
        facts: Backbone, weights and settings, for provenance.
        metadata: What the network takes beside images.
        learning: The learning curve of the head, one row a share of the patients.
    """

    network: ReaderNetwork
    preprocess: Preprocess
    task: Task
    held_out: HeldOut
    density: TrainingDensity
    novelty_threshold: float
    phases: tuple[str, ...]
    history: list[dict[str, Any]]
    notes: list[str]
    facts: dict[str, str]
    metadata: tuple[MetadataField, ...] = ()
    learning: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class LabelledRows:
    """The labelled images of a cohort, in the table's order."""

    ids: list[str]
    targets: Floats
    groups: npt.NDArray[np.int64]
    split: npt.NDArray[np.str_]

    def of(self, *splits: str) -> npt.NDArray[np.int64]:
        """Places of the rows in these splits."""
        return np.flatnonzero(np.isin(self.split, splits))


def labelled_rows(cohort: Cohort) -> LabelledRows:
    """The images of a cohort whose reference standard is known, in the table's order.

    Copies of an augmented cohort are none of them: see `overread.training.upsampling`.

    Raises:
        TrainingError: train or tune has none.
    """
    table = cohort.table(["image_id", "target", "split"], copies=False)
    groups = np.array(cohort_groups(cohort), np.int64)
    targets = table["target"].to_pylist()
    labelled = np.array([target is not None for target in targets], bool)
    rows = LabelledRows(
        ids=[
            image_id for image_id, known in zip(table["image_id"].to_pylist(), labelled, strict=True) if known
        ],
        targets=np.array([target for target in targets if target is not None], np.float64),
        groups=groups[labelled],
        split=np.array(table["split"].to_pylist(), str)[labelled],
    )
    for split in ("train", "tune"):
        if not len(rows.of(split)):
            raise TrainingError(
                f"split '{split}' has no labelled image",
                where=f"cohort '{cohort.card.name}'",
                todo="give it a share in [cohort.split], or mark its images in the table",
            )
    return rows


def check_learnable(rows: LabelledRows, *splits: str, classes: tuple[str, ...]) -> None:
    """Each class must be present, and absent, in images of two patients: one to learn from, one to check on.

    Raises:
        TrainingError: One is not; names it.
    """
    chosen = rows.of(*splits)
    groups = rows.groups[chosen]
    for name, column in zip(classes, rows.targets[chosen].T, strict=True):
        for kind, value in (("with", 1.0), ("without", 0.0)):
            patients = len(np.unique(groups[column == value]))
            if patients < 2:
                raise TrainingError(
                    f"expected images {kind} it of at least 2 patients in {' and '.join(splits)}, "
                    f"got {patients}",
                    where=f"class '{name}'",
                    todo="add such images, or leave the class out",
                )
