"""From what the source says and what reading found to the rows of a cohort; no file is touched."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from overread.cohort.candidates import Candidate, Listing
from overread.cohort.labels import Labelling, check_classes, same_target, stratum_columns
from overread.cohort.read_stage import FILE_FIELD
from overread.cohort.schema import IMAGE_SCHEMA, REJECT_SCHEMA, SPLITS, Split
from overread.cohort.settings import IngestSettings, SplitShares
from overread.cohort.split import assign_splits, connect, crossings
from overread.engine import REJECT_DETAIL, REJECT_REASON
from overread.errors import CohortError

ROW_SCHEMA: pa.Schema = pa.schema([*(field for field in IMAGE_SCHEMA if field.name != "content"), FILE_FIELD])
"""A cohort's rows before their bytes are taken in."""


@dataclass(frozen=True)
class Assembly:
    """A cohort but for its bytes.

    Attributes:
        rows: In `ROW_SCHEMA`, sorted by image_id.
        rejects: In `REJECT_SCHEMA`, sorted by uri.
        labelling: How labels became targets.
        patient_known: Whether the source states every image's patient.
        split_given: Whether the source brought a split of its own.
    """

    rows: pa.Table
    rejects: pa.Table
    labelling: Labelling
    patient_known: bool
    split_given: bool


@dataclass(frozen=True)
class _Image:
    """An input that was read and has a label."""

    said: Candidate
    known: dict[str, Any]
    target: list[float]

    @property
    def image_id(self) -> str:
        return str(self.known["image_id"])

    @property
    def sha256(self) -> str:
        return str(self.known["sha256"])


def assemble(
    listing: Listing,
    opened: Sequence[Candidate],
    known: pa.Table,
    *,
    labelling: Labelling,
    settings: IngestSettings,
    source: Path,
) -> Assembly:
    """Turn candidates into rows and rejects, and divide the rows into splits.

    Args:
        listing: All inputs.
        opened: Those of them that were read.
        known: What `ReadStage` found, a row each, in the same order.
        labelling: How labels become targets.
        settings: Shares, seed and whether bytes are embedded.
        source: The folder, for messages and for paths to point at.

    Raises:
        CohortError: Nothing is left, a class is too small, or a given split is crossed.
    """
    where = f"source '{source}'"
    rejects = [
        (one.uri, str(one.reason), str(one.detail)) for one in listing.candidates if one.reason is not None
    ]
    images: list[_Image] = []
    for said, row in zip(opened, known.to_pylist(), strict=True):
        target = labelling.target(said.label or "")
        if row[REJECT_REASON] is not None:
            rejects.append((said.uri, row[REJECT_REASON], row[REJECT_DETAIL]))
        elif target is None:
            detail = f"its label {said.label!r} is none of the classes asked for"
            rejects.append((said.uri, "no-label", detail))
        elif not settings.embed and said.uri != said.file:
            detail = "its name is no UTF-8, so a cohort cannot point at it; rename it or embed the images"
            rejects.append((said.uri, "unreadable-file", detail))
        else:
            images.append(_Image(said, row, target))
    images, contradicting = _without_contradictions(images)
    rejects += contradicting
    if not images:
        example = min(rejects)
        raise CohortError(
            f"none of its {len(rejects)} inputs can be used, the first, '{example[0]}', is {example[1]}",
            where=where,
            todo=f"mend them: {example[2]}",
        )
    images.sort(key=lambda one: one.image_id)

    patients = [one.said.patient for one in images]
    lesions = [one.said.group for one in images]
    shas = [one.sha256 for one in images]
    groups = connect(patients, lesions, shas)
    targets = np.array([one.target for one in images], np.float32)
    check_classes(targets, labelling, groups, where=where)
    given = [one.said.split for one in images]
    _check_given(images, given, {"patient": patients, "group": lesions, "file": shas}, where=where)
    splits = _divide(images, groups, given, targets, settings=settings, where=where)
    _check_splits(splits, targets, labelling, given=len(set(given)) > 1, where=where)
    rows = [
        _row(one, split, source=None if settings.embed else source)
        for one, split in zip(images, splits, strict=True)
    ]
    return Assembly(
        rows=pa.Table.from_pylist(rows, schema=ROW_SCHEMA),
        rejects=pa.Table.from_pylist(
            [dict(zip(REJECT_SCHEMA.names, one, strict=True)) for one in sorted(rejects)],
            schema=REJECT_SCHEMA,
        ),
        labelling=labelling,
        patient_known=all(patient is not None for patient in patients),
        split_given=len(set(given)) > 1,
    )


def _without_contradictions(images: list[_Image]) -> tuple[list[_Image], list[tuple[str, str, str]]]:
    """Images without those whose bytes stand under two labels."""
    same: dict[str, list[_Image]] = defaultdict(list)
    for one in images:
        same[one.sha256].append(one)
    kept: list[_Image] = []
    rejects: list[tuple[str, str, str]] = []
    for copies in same.values():
        others = {
            one.image_id: next((two for two in copies if not same_target(one.target, two.target)), None)
            for one in copies
        }
        if not any(others.values()):
            kept += copies
            continue
        for one in copies:
            other = others[one.image_id]
            if other is not None:
                detail = f"the same file stands as '{other.said.uri}' with another label; say which is right"
                rejects.append((one.said.uri, "conflicting-label", detail))
    return kept, rejects


def _check_given(
    images: Sequence[_Image],
    given: Sequence[Split | None],
    keys: dict[str, Sequence[str | None]],
    *,
    where: str,
) -> None:
    """Refuse a given split that a patient, a lesion or a file crosses."""
    for kind, of_images in keys.items():
        crossed = crossings(of_images, given)
        if crossed:
            first = crossed[0][0]
            second = next(at for at in crossed[0] if given[at] != given[first])
            what = {"patient": "patient", "group": "lesion or study", "file": "file"}[kind]
            plural = {"patient": "patients", "group": "lesions or studies", "file": "files"}[kind]
            stand = f"{len(crossed)} {plural} stand" if len(crossed) > 1 else f"one {what} stands"
            raise CohortError(
                f"{stand} in two of the given splits, for example the images '{images[first].said.uri}'"
                f" ({given[first]}) and '{images[second].said.uri}' ({given[second]})",
                where=where,
                todo='mend the split, or leave it to Overread with columns.split = ""',
            )


def _divide(
    images: Sequence[_Image],
    groups: Sequence[int],
    given: Sequence[Split | None],
    targets: np.ndarray[Any, np.dtype[np.float32]],
    *,
    settings: IngestSettings,
    where: str,
) -> list[Split]:
    """Keep the split that the source gives; what it lacks is carved out of train, or out of everything."""
    present = {side for side in given if side is not None}
    if present and "train" not in present:
        raise CohortError(
            f"the given split has {' and '.join(sorted(present))} but no train",
            where=where,
            todo='name images for training, or leave the split to Overread with columns.split = ""',
        )
    strata = stratum_columns(targets)
    shares = shares_to_carve(present, settings.split)
    pool = [at for at, side in enumerate(given) if side is None or (side == "train" and len(shares) > 1)]
    carved = assign_splits(
        [images[at].image_id for at in pool],
        [groups[at] for at in pool],
        strata=strata[pool],
        shares=shares,
        seed=settings.seed,
    )
    place = dict(zip(pool, carved, strict=True))
    return [place.get(at) or side or "train" for at, side in enumerate(given)]


def shares_to_carve(present: set[Split], shares: SplitShares) -> dict[Split, float]:
    """Which splits are still to be made, with their shares relative to each other.

    Example:
        >>> shares_to_carve({"train", "test"}, SplitShares())
        {'train': 0.6, 'tune': 0.2}
    """
    return {
        split: share for split, share in shares.as_dict().items() if split == "train" or split not in present
    }


def _check_splits(
    splits: Sequence[Split],
    targets: np.ndarray[Any, np.dtype[np.float32]],
    labelling: Labelling,
    *,
    given: bool,
    where: str,
) -> None:
    """Refuse splits without a class; a rare finding may be absent from tune and test."""
    sides = np.array(splits)
    for split in SPLITS:
        here = targets[sides == split]
        if not len(here) or (labelling.task == "multilabel" and split != "train"):
            continue
        held = dict(zip(labelling.classes, (here == 1).any(axis=0), strict=True))
        if labelling.negative:
            held[labelling.negative] = (here[:, 0] == 0).any()
        lacking = [name for name, there in held.items() if not there]
        if lacking:
            raise CohortError(
                f"split {split!r} has no image of class {lacking[0]!r}",
                where=where,
                todo="mend the given split, or leave it to Overread"
                if given
                else "bring images of it from more patients",
            )


def _row(one: _Image, split: Split, *, source: Path | None) -> dict[str, Any]:
    said = one.said
    return {
        "image_id": one.image_id,
        "patient_id": said.patient if said.patient is not None else one.image_id,
        "group_id": said.group,
        "uri": said.uri if source is None else str(source.absolute() / (said.file or "")),
        "media_type": one.known["media_type"],
        "width": one.known["width"],
        "height": one.known["height"],
        "sha256": one.sha256,
        "label": said.label,
        "target": one.target,
        "split": split,
        "age": said.age,
        "sex": said.sex,
        "site": said.site,
        "view": said.view,
        "device": said.device,
        "source": said.source,
        "date": said.date,
        "file": os.fsencode(said.file or ""),
    }
