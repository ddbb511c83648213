"""From what the source says and what reading found to the rows of a cohort; no file is touched."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from overread.cohort.candidates import Candidate, Listing
from overread.cohort.divide import Image, divide, duplicate_table, identities_of, near_pairs
from overread.cohort.flow import FlowStep, flow_of
from overread.cohort.labels import Labelling, same_target
from overread.cohort.leakage import Leak, find_leaks, refused
from overread.cohort.read_stage import FILE_FIELD
from overread.cohort.schema import IMAGE_SCHEMA, REJECT_SCHEMA, Split
from overread.cohort.settings import IngestSettings
from overread.engine import REJECT_DETAIL, REJECT_REASON
from overread.errors import CohortError
from overread.progress import SILENT, Progress

_BULKY = "fingerprint"  # not for Python lists: it is as large as all else together

ROW_SCHEMA: pa.Schema = pa.schema([*(field for field in IMAGE_SCHEMA if field.name != "content"), FILE_FIELD])
"""A cohort's rows before their bytes are taken in."""


@dataclass(frozen=True)
class Assembly:
    """A cohort but for its bytes.

    Attributes:
        rows: In `ROW_SCHEMA`, sorted by image_id.
        rejects: In `REJECT_SCHEMA`, sorted by uri.
        duplicates: In `DUPLICATE_SCHEMA`: images that show the same.
        leaks: What stands on two sides of the split.
        flow: The steps from found to read.
        labelling: How labels became targets.
        patient_known: Whether the source states every image's patient.
        split_given: Whether the source brought a split of its own.
    """

    rows: pa.Table
    rejects: pa.Table
    duplicates: pa.Table
    leaks: tuple[Leak, ...]
    flow: tuple[FlowStep, ...]
    labelling: Labelling
    patient_known: bool
    split_given: bool


@dataclass(frozen=True)
class _Reject:
    """An input that cannot be used."""

    said: Candidate
    reason: str
    detail: str

    @property
    def sentence(self) -> tuple[str, str, str]:
        return self.said.uri, self.reason, self.detail


def assemble(
    listing: Listing,
    opened: Sequence[Candidate],
    known: pa.Table,
    *,
    labelling: Labelling,
    settings: IngestSettings,
    source: Path,
    root: Path | None = None,
    kept: Mapping[str, Split] | None = None,
    progress: Progress = SILENT,
) -> Assembly:
    """Turn candidates into rows and rejects, and divide the rows into splits.

    Args:
        listing: All inputs.
        opened: Those of them that were read.
        known: What `ReadStage` found, a row each, in the same order. All but `image_id`
            is null where the images are elsewhere.
        labelling: How labels become targets.
        settings: Shares, seed, and what may not cross the split.
        source: For messages.
        root: The folder to point into where bytes are not embedded; None where they are.
        kept: Image id → the split that it had before and is to keep.
        progress: Who listens.

    Raises:
        CohortError: Nothing is left, or a class is too small. Leakage is reported: see `check_leaks`.
    """
    where = f"source '{source}'"
    rejects = [
        _Reject(one, str(one.reason), str(one.detail)) for one in listing.candidates if one.reason is not None
    ]
    images: list[Image] = []
    for at, (said, row) in enumerate(zip(opened, known.drop_columns([_BULKY]).to_pylist(), strict=True)):
        target = labelling.target(said.label or "")
        if row[REJECT_REASON] is not None:
            rejects.append(_Reject(said, row[REJECT_REASON], row[REJECT_DETAIL]))
        elif target is None:
            detail = f"its label {said.label!r} is none of the classes asked for"
            rejects.append(_Reject(said, "no-label", detail))
        elif root is not None and said.uri != said.file:
            detail = "its name is no UTF-8, so a cohort cannot point at it; rename it or embed the images"
            rejects.append(_Reject(said, "unreadable-file", detail))
        else:
            images.append(Image(said, row, target, at))
    images, contradicting = _without_contradictions(images)
    rejects += contradicting
    if not images:
        example = min(one.sentence for one in rejects)
        raise CohortError(
            f"none of its {len(rejects)} inputs can be used, the first, '{example[0]}', is {example[1]}",
            where=where,
            todo=f"mend them: {example[2]}",
        )
    images.sort(key=lambda one: one.image_id)
    pairs = near_pairs(images, known[_BULKY], progress=progress) if settings.near_duplicates else []
    identities = identities_of(images, pairs, unpacked=listing.unpack is not None)
    targets = np.array([one.target for one in images], np.float32)
    splits = divide(
        images, identities, targets, labelling=labelling, settings=settings, kept=kept, where=where
    )
    rows = [_row(one, split, root=root) for one, split in zip(images, splits, strict=True)]
    given = {one.said.split for one in images}
    return Assembly(
        rows=pa.Table.from_pylist(rows, schema=ROW_SCHEMA),
        rejects=pa.Table.from_pylist(
            [
                dict(zip(REJECT_SCHEMA.names, one, strict=True))
                for one in sorted(reject.sentence for reject in rejects)
            ],
            schema=REJECT_SCHEMA,
        ),
        duplicates=duplicate_table(identities, pairs),
        leaks=find_leaks(identities, splits),
        flow=flow_of(len(listing.candidates), [(one.reason, one.said.rule) for one in rejects]),
        labelling=labelling,
        patient_known=all(one.said.patient is not None for one in images),
        split_given=len(given) > 1,
    )


def check_leaks(assembly: Assembly, settings: IngestSettings, *, where: str) -> None:
    """Refuse leakage that the user has not accepted by name.

    Raises:
        CohortError: Names the kind, how much of it there is, and an example.
    """
    stopping = refused(assembly.leaks, settings.accept_leakage)
    if not stopping:
        return
    uris = dict(zip(assembly.rows["image_id"].to_pylist(), assembly.rows["uri"].to_pylist(), strict=True))
    first = stopping[0]
    example = " and ".join(f"'{uris[one]}'" for one in first.examples[0][:2])
    names = json.dumps([*settings.accept_leakage, *(leak.kind for leak in stopping)])
    raise CohortError(
        "; ".join(leak.sentence for leak in stopping) + f"; for example the images {example}",
        where=where,
        todo=f"mend the split, leave it to Overread with {_other_split(assembly)}, or accept it by"
        f" name with accept_leakage = {names}: the report will say so",
    )


def _other_split(assembly: Assembly) -> str:
    return 'columns.split = ""' if assembly.split_given else 'split_by = "patient"'


def _without_contradictions(images: list[Image]) -> tuple[list[Image], list[_Reject]]:
    """Images without those whose pixels stand under two labels."""
    same: dict[str, list[Image]] = defaultdict(list)
    for one in images:
        same[one.pixels or one.image_id].append(one)
    kept: list[Image] = []
    rejects: list[_Reject] = []
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
                what = "file" if one.sha256 == other.sha256 else "picture"
                detail = (
                    f"the same {what} stands as '{other.said.uri}' with another label; say which is right"
                )
                rejects.append(_Reject(one.said, "conflicting-label", detail))
    return kept, rejects


def _row(one: Image, split: Split, *, root: Path | None) -> dict[str, Any]:
    said = one.said
    return {
        "image_id": one.image_id,
        "patient_id": said.patient if said.patient is not None else one.image_id,
        "group_id": said.group,
        "uri": said.uri if root is None else str(root.absolute() / (said.file or "")),
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
