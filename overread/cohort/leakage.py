"""What stands on two sides of a split, and so lets a reader be tested on what it was taught.

Patients that stand in train and test made published figures too good more than once: see Kaufman et al., ACM
TKDD 2012 (leakage), and Cassidy et al., Med. Image Anal. 2022 (duplicates in the ISIC sets).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from pydantic import BaseModel, ConfigDict

from overread.cohort.schema import SPLITS, Split
from overread.cohort.settings import LeakKind
from overread.cohort.split import crossings

_NAMES: dict[LeakKind, tuple[str, str]] = {
    "patient": ("patient", "patients"),
    "group": ("lesion or study", "lesions or studies"),
    "file": ("file", "files"),
    "pixels": ("picture", "pictures, stored in several files,"),
    "near-duplicate": ("pair of near-duplicate pictures", "pairs of near-duplicate pictures"),
}
_SHOWN = 5


class Leak(BaseModel):
    """One kind of leakage in a split.

    Attributes:
        kind: What stands on two sides.
        count: How many patients, lesions, files or pictures do; pairs for near-duplicates.
        images: How many images they have.
        sides: "train-test" → how many of them stand in both of these splits.
        examples: Image ids of at most five of them.
        sentence: The same in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: LeakKind
    count: int
    images: int
    sides: dict[str, int]
    examples: tuple[tuple[str, ...], ...]
    sentence: str


@dataclass(frozen=True)
class Identities:
    """What images may share, one entry an image each; None or an empty sequence: not known.

    Attributes:
        ids: Distinct image ids.
        patients: Of images whose patient is known.
        groups: Lesion, study or series.
        files: SHA-256 of the encoded files.
        pixels: SHA-256 of the decoded pixels.
        near: Pairs of positions of near-duplicates.
    """

    ids: Sequence[str]
    patients: Sequence[str | None] = ()
    groups: Sequence[str | None] = ()
    files: Sequence[str | None] = ()
    pixels: Sequence[str | None] = ()
    near: Sequence[tuple[int, int]] = ()

    def keys(self) -> dict[LeakKind, Sequence[str | None]]:
        """Kind → key of each image, for every kind that is known; near-duplicates have none in common."""
        known: dict[LeakKind, Sequence[str | None]] = {
            "patient": self.patients,
            "group": self.groups,
            "file": self.files,
            "pixels": self.pixels,
        }
        return {kind: keys for kind, keys in known.items() if len(keys)}


def find_leaks(identities: Identities, splits: Sequence[Split | None]) -> tuple[Leak, ...]:
    """All leakage of a split.

    A file that stands on two sides is not counted again as a picture, nor a picture as a near-duplicate.

    Args:
        identities: What images share.
        splits: The side of each image; None crosses nothing.

    Returns:
        One entry a kind that occurs, in the order of `LeakKind`.
    """
    crossed = {kind: crossings(keys, splits) for kind, keys in identities.keys().items()}
    crossed["near-duplicate"] = [
        list(pair) for pair in identities.near if len({splits[at] for at in pair} - {None}) > 1
    ]
    finer: tuple[tuple[LeakKind, Sequence[str | None]], ...] = (
        ("pixels", identities.files),
        ("near-duplicate", identities.pixels),
    )
    for kind, same in finer:
        if same:
            crossed[kind] = [at for at in crossed.get(kind, []) if len({same[one] for one in at}) > 1]
    return tuple(_leak(kind, sets, identities.ids, splits) for kind, sets in crossed.items() if sets)


def refused(leaks: Iterable[Leak], accepted: Iterable[LeakKind]) -> tuple[Leak, ...]:
    """The leaks that stop an ingest: those whose kind was not accepted by name."""
    allowed = set(accepted)
    return tuple(leak for leak in leaks if leak.kind not in allowed)


def _leak(
    kind: LeakKind, crossed: list[list[int]], ids: Sequence[str], splits: Sequence[Split | None]
) -> Leak:
    sides: Counter[str] = Counter()
    shared: dict[tuple[Split, Split], set[int]] = defaultdict(set)
    for positions in crossed:
        here = [split for split in SPLITS if any(splits[at] == split for at in positions)]
        for one, other in combinations(here, 2):
            sides[f"{one}-{other}"] += 1
            shared[one, other] |= {at for at in positions if splits[at] == other}
    examples = sorted(tuple(sorted(ids[at] for at in positions)) for positions in crossed)
    return Leak(
        kind=kind,
        count=len(crossed),
        images=len({at for positions in crossed for at in positions}),
        sides=dict(sides),
        examples=tuple(examples[:_SHOWN]),
        sentence=_sentence(kind, len(crossed), shared, Counter(splits)),
    )


def _sentence(
    kind: LeakKind,
    count: int,
    shared: Mapping[tuple[Split, Split], set[int]],
    totals: Mapping[Split | None, int],
) -> str:
    one, several = _NAMES[kind]
    said = f"{count:,} {several} stand" if count != 1 else f"1 {one} stands"
    verb = "look like one of" if kind == "near-duplicate" else "share one with"
    parts = [
        f"{len(images):,} of the {totals[later]:,} images of {later} {verb} {earlier}"
        for (earlier, later), images in shared.items()
    ]
    return f"{said} on two sides of the split: {'; '.join(parts)}"
