"""What the page says of classes: how many images and patients, on which side, and which come together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overread.cohort import CohortCard
from overread.cohort.schema import SPLITS
from overread.evaluation.wording import count
from overread.exploration.distributions import balance, codes_of, cooccurrence, distinct
from overread.exploration.groups import ClassGroups
from overread.exploration.subject import Subject
from overread.exploration.tables import Cell, too_wide

PATIENTS, GROUPS = ("patient", "patients"), ("lesion or study", "lesions or studies")


def owner_of(subject: Subject) -> tuple[str, str] | None:
    """What images belong to, one and several: patients, or where those are not known groups, or nothing."""
    if subject.card.patient_known:
        return PATIENTS
    return GROUPS if subject.table["group_id"].null_count < subject.table.num_rows else None


def owned(subject: Subject) -> int:
    """How many of them there are."""
    return distinct(_owners(subject))


def _owners(subject: Subject) -> NDArray[np.int64]:
    return codes_of(subject.table["group_id" if owner_of(subject) == GROUPS else "patient_id"])


@dataclass(frozen=True)
class BalanceRow:
    """A class in figures.

    Attributes:
        name: Of the class.
        splits: A cell a split, its share that of the split's images, and the class's patients there.
        all: Of all images.
        patients: In all; lesions where patients are not known (see `owner_of`).
        widths: The shares again as bars, 0..100, the widest of all classes 100.
    """

    name: str
    splits: tuple[tuple[str, Cell, int], ...]
    all: Cell
    patients: int
    widths: tuple[tuple[str, float], ...]


def balance_rows(subject: Subject, groups: ClassGroups) -> list[BalanceRow]:
    """Images and patients of each class in each split that has images; bars relative to the widest."""
    table = subject.table
    sides = np.array([SPLITS.index(split) for split in table["split"].to_pylist()], np.int64)
    made = balance(groups.members, sides, _owners(subject))
    totals = np.bincount(sides, minlength=3)
    used = [at for at in range(3) if totals[at]]
    shares = 100 * made.images / np.maximum(totals, 1)
    widest = max(float(shares.max(initial=0)), 1e-9)
    rows = []
    for at, name in enumerate(groups.names):
        cells = tuple(
            (
                SPLITS[k],
                Cell(int(made.images[at, k]), float(shares[at, k]), SPLITS[k]),
                int(made.patients[at, k]),
            )
            for k in used
        )
        count = int(made.images[at].sum())
        rows.append(
            BalanceRow(
                name=name,
                splits=cells,
                all=Cell(count, 100 * count / max(table.num_rows, 1)),
                patients=int(made.all_patients[at]),
                widths=tuple((SPLITS[k], round(100 * float(shares[at, k]) / widest, 2)) for k in used),
            )
        )
    return rows


def split_totals(subject: Subject) -> list[tuple[str, int, int]]:
    """(split, images, patients) of each split that has images."""
    sides = np.array(subject.table["split"].to_pylist(), object)
    patients = _owners(subject)
    return [
        (side, int((sides == side).sum()), distinct(patients[sides == side]))
        for side in SPLITS
        if (sides == side).any()
    ]


@dataclass(frozen=True)
class Together:
    """Of images with the finding of the row, how many have that of the column too."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[Cell | None, ...], Cell], ...]

    @property
    def turned(self) -> bool:
        """Whether the names stand upright."""
        return too_wide(("images", *self.names, "alone"))


def together(groups: ClassGroups) -> Together | None:
    """The co-occurrence of findings; None where an image has one class. Last cell: it stands alone."""
    if groups.exclusive or groups.findings < 2:
        return None
    members = groups.members[: groups.findings]
    counts = cooccurrence(members)
    alone = (members & (members.sum(axis=0) == 1)).sum(axis=1)
    rows = []
    for at, name in enumerate(groups.names[: groups.findings]):
        total = int(counts[at, at])
        cells = tuple(
            None if k == at else Cell(int(n), round(100 * int(n) / max(total, 1), 2))
            for k, n in enumerate(counts[at])
        )
        rows.append(
            (name, total, cells, Cell(int(alone[at]), round(100 * int(alone[at]) / max(total, 1), 2)))
        )
    return Together(groups.names[: groups.findings], tuple(rows))


_RULES = {
    "patient": "Patients and their groups (lesions, studies) never stand on two sides",
    "group": "Groups (lesions, studies) never stand on two sides; patients may",
    "site": "Sites never stand on two sides",
    "source": "Sources never stand on two sides",
    "device": "Devices never stand on two sides",
    "date": "Patients never stand on two sides; the oldest images are in train, the newest in test",
    "image": "Every image by itself: patients may stand on two sides",
}


def split_rule(subject: Subject) -> str:
    """How the splits were made, in a sentence."""
    card = subject.card
    if card.split_given:
        return "The source brought its split."
    rule = _RULES[card.split_by]
    if card.split_by == "patient" and not card.patient_known:
        known = owner_of(subject) == GROUPS
        rule = "Groups (lesions, studies) never stand on two sides" if known else "Every image by itself"
        rule += "; patients are not known"
    return f"{rule} (seed {card.seed})."


def copies_said(card: CohortCard) -> str:
    """What copies of an augmented cohort change, in two sentences; "" where there are none."""
    added = card.augmented
    if added is None:
        return ""
    shares = ", ".join(
        f"{name} {100 * one:.1f} → {100 * added.after[name]:.1f} %" for name, one in added.before.items()
    )
    return (
        f"Train was augmented by {count(added.copies, 'copy', 'copies')} of its images: {shares}. Copies are"
        " learned from and nothing else; what this page says is about the images alone."
    )
