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
        """Kind → key of each image, for every kind that is known; near-duplicates by the set they form."""
        known: dict[LeakKind, Sequence[str | None]] = {
            "patient": self.patients,
            "group": self.groups,
            "file": self.files,
            "pixels": self.pixels,
            "near-duplicate": sets_of(self.near, len(self.ids)) if self.near else (),
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
    leaks = []
    known = identities.keys()
    for kind, keys in known.items():
        if kind == "near-duplicate":
            crossed = [list(pair) for pair in identities.near if _crosses(pair, splits)]
            pixels = identities.pixels
            if len(pixels):
                crossed = [pair for pair in crossed if len({pixels[at] for at in pair}) > 1]
        else:
            crossed = _crossed_sets(keys, splits)
        if kind == "pixels" and len(identities.files):
            files = identities.files
            crossed = [places for places in crossed if len({files[at] for at in places}) > 1]
        if crossed:
            leaks.append(_leak(kind, crossed, identities.ids, splits))
    return tuple(leaks)


def sets_of(pairs: Iterable[tuple[int, int]], count: int) -> list[str | None]:
    """A name for each set of positions that pairs connect; None for positions in no pair.

    Example:
        >>> sets_of([(0, 2), (2, 3)], 5)
        ['0', None, '0', '0', None]
    """
    parent = list(range(count))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    paired = set()
    for first, second in pairs:
        one, other = sorted((root(first), root(second)))
        parent[other] = one
        paired |= {first, second}
    return [str(root(at)) if at in paired else None for at in range(count)]


def refused(leaks: Iterable[Leak], accepted: Iterable[LeakKind]) -> tuple[Leak, ...]:
    """The leaks that stop an ingest: those whose kind was not accepted by name."""
    allowed = set(accepted)
    return tuple(leak for leak in leaks if leak.kind not in allowed)


def _crossed_sets(keys: Sequence[str | None], splits: Sequence[Split | None]) -> list[list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for at, (key, side) in enumerate(zip(keys, splits, strict=True)):
        if key is not None and side is not None:
            places[key].append(at)
    return [positions for positions in places.values() if _crosses(positions, splits)]


def _crosses(positions: Iterable[int], splits: Sequence[Split | None]) -> bool:
    return len({splits[at] for at in positions} - {None}) > 1


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
