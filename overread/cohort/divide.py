"""Which images must stay together, and to which split each goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overread.cohort.candidates import Candidate
from overread.cohort.duplicates import Duplicate, find_duplicates
from overread.cohort.labels import Labelling, check_classes, stratum_columns
from overread.cohort.leakage import Identities
from overread.cohort.schema import SPLITS, Split
from overread.cohort.settings import IngestSettings, SplitShares
from overread.cohort.split import assign_by_date, assign_splits, connect
from overread.errors import CohortError
from overread.imaging.fingerprint import FINGERPRINT_BYTES
from overread.progress import SILENT, Progress

DUPLICATE_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("first", pa.string(), nullable=False),
        pa.field("second", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
        pa.field("how", pa.string(), nullable=False),
    ]
)
"""One row a pair of images that show the same: `file`, `pixels` or `near-duplicate`. Of several identical
images each is paired with the first."""


@dataclass(frozen=True)
class Image:
    """An input that was read and has a label.

    Attributes:
        said: What the source says of it.
        known: What reading found, but for the fingerprint.
        target: One entry a class.
        at: Its row in the table of what reading found.
    """

    said: Candidate
    known: dict[str, Any]
    target: list[float]
    at: int

    @property
    def image_id(self) -> str:
        """Distinct in the cohort."""
        return str(self.known["image_id"])

    @property
    def sha256(self) -> str | None:
        """Of the encoded file."""
        return self._text("sha256")

    @property
    def pixels(self) -> str | None:
        """SHA-256 of the pixels."""
        return self._text("pixel_sha256")

    def _text(self, name: str) -> str | None:
        value = self.known[name]
        return None if value is None else str(value)


def near_pairs(
    images: Sequence[Image], fingerprints: pa.ChunkedArray, *, progress: Progress = SILENT
) -> list[Duplicate]:
    """Pairs of images, by position, that show the same picture though their pixels differ."""
    if not images or images[0].pixels is None:
        return []
    of_images = fingerprints.take(pa.array([one.at for one in images])).combine_chunks()
    flat = np.frombuffer(b"".join(of_images.to_pylist()), np.uint8)
    found = find_duplicates(flat.reshape(len(images), FINGERPRINT_BYTES), progress=progress)
    return [pair for pair in found if images[pair.first].pixels != images[pair.second].pixels]


def identities_of(
    images: Sequence[Image], pairs: Sequence[Duplicate], *, unpacked: bool = False
) -> Identities:
    """What images share with each other; files that were unpacked of an archive are ours, and say nothing."""
    return Identities(
        ids=[one.image_id for one in images],
        patients=[one.said.patient for one in images],
        groups=[one.said.group for one in images],
        files=() if unpacked else [one.sha256 for one in images],
        pixels=[one.pixels for one in images],
        near=[(pair.first, pair.second) for pair in pairs],
    )


def duplicate_table(identities: Identities, pairs: Sequence[Duplicate]) -> pa.Table:
    """All pairs of images that show the same, in `DUPLICATE_SCHEMA`, sorted."""
    ids = identities.ids
    rows = [(ids[one.first], ids[one.second], "near-duplicate", one.similarity, one.how) for one in pairs]
    known = [at for at, pixels in enumerate(identities.pixels) if pixels is not None]
    for _, same in groupby(
        sorted(known, key=lambda at: (identities.pixels[at], at)), identities.pixels.__getitem__
    ):
        first, *others = same
        for other in others:
            files = identities.files
            equal = bool(files) and files[first] == files[other]
            how = ("file", 1.0, "same bytes") if equal else ("pixels", 1.0, "same pixels")
            rows.append((ids[first], ids[other], *how))
    return pa.Table.from_pylist(
        [dict(zip(DUPLICATE_SCHEMA.names, row, strict=True)) for row in sorted(rows)], schema=DUPLICATE_SCHEMA
    )


def divide(
    images: Sequence[Image],
    identities: Identities,
    targets: NDArray[np.float32],
    *,
    labelling: Labelling,
    settings: IngestSettings,
    kept: Mapping[str, Split] | None = None,
    where: str,
) -> list[Split]:
    """The split of each image: the source's own where it has one, else whole groups shared out.

    What the source's split lacks is carved out of its train, or out of everything.

    Args:
        images: Sorted by id.
        identities: What they share.
        targets: float32 [n, classes].
        labelling: Names the classes.
        settings: `split`, `split_by` and `seed` are asked.
        kept: Image id → the split that it had before and is to keep.
        where: What a message calls the source.

    Raises:
        CohortError: A class is too small, a split would lack it, or the given split has no train.
    """
    groups = group_images(images, identities, settings)
    check_classes(targets, labelling, groups, where=where)
    given = [one.said.split for one in images]
    present = {side for side in given if side is not None}
    if present and "train" not in present:
        raise CohortError(
            f"the given split has {' and '.join(sorted(present))} but no train",
            where=where,
            todo='name images for training, or leave the split to Overread with columns.split = ""',
        )
    shares = shares_to_carve(present, settings.split)
    # What the given split has on two sides stays there: carving would put it on a third.
    elsewhere = {groups[at] for at, side in enumerate(given) if side not in (None, "train")}
    pool = [
        at
        for at, side in enumerate(given)
        if side is None or (side == "train" and len(shares) > 1 and groups[at] not in elsewhere)
    ]
    ids, of_pool = [images[at].image_id for at in pool], [groups[at] for at in pool]
    if settings.split_by == "date":
        dates = [images[at].said.date for at in pool]
        if not any(dates):
            raise CohortError(
                "a split by date needs dates, the source states none",
                where=where,
                todo='name their column with columns.date, or set split_by = "patient"',
            )
        carved = assign_by_date(ids, of_pool, dates, shares=shares, seed=settings.seed)
    else:
        carved = assign_splits(
            ids,
            of_pool,
            strata=stratum_columns(targets)[pool],
            shares=shares,
            seed=settings.seed,
            fixed=[(kept or {}).get(one) for one in ids],
        )
    place = dict(zip(pool, carved, strict=True))
    splits: list[Split] = [place.get(at) or side or "train" for at, side in enumerate(given)]
    _check_splits(splits, targets, labelling, given=len(present) > 1, where=where)
    return splits


def group_images(images: Sequence[Image], identities: Identities, settings: IngestSettings) -> list[int]:
    """Numbers of the groups that a split may not divide."""
    if settings.split_by == "image":
        return list(range(len(images)))
    known = identities.keys()
    if settings.split_by == "group":
        known.pop("patient", None)
    keys = list(known.values())
    if settings.split_by in ("site", "source", "device"):
        keys.append([getattr(one.said, settings.split_by) for one in images])
    return connect(*keys, pairs=identities.near)


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
    targets: NDArray[np.float32],
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
