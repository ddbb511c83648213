"""What the page shows as pictures side by side: duplicates, leaks, shortcuts, extremes; and the rejects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.cohort.leakage import Leak
from overread.exploration.distributions import numbers
from overread.exploration.groups import ClassGroups
from overread.exploration.sections import measurements_of
from overread.exploration.subject import Subject

if TYPE_CHECKING:
    from overread.exploration.shortcuts import Shortcut

_PAIRS, _SETS, _IN_A_SET, _EXTREMES, _REJECTS = 12, 3, 4, 4, 3
_PICTURED, _IN_A_ROW = 8, 4
_LISTED = 12
_KINDS = {
    "file": "the same file twice",
    "pixels": "the same pixels in two files",
    "near-duplicate": "near-duplicates",
}


@dataclass(frozen=True)
class Shown:
    """An image as the page names it.

    Attributes:
        image_id: For finding it.
        split: Its side.
        said: Its classes, in words.
        extra: A figure, or "".
    """

    image_id: str
    split: str
    said: str
    extra: str = ""


class Index:
    """What the page says of an image by its id."""

    def __init__(self, subject: Subject, groups: ClassGroups) -> None:
        self._groups = groups
        columns = (subject.table[name].to_pylist() for name in ("image_id", "split", "patient_id"))
        ids, self._splits, self._patients = columns
        self._places: dict[str, int] = {one: at for at, one in enumerate(ids)}

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._places

    def show(self, image_id: str, extra: str = "") -> Shown:
        """Its split and classes; an id that the table does not have says nothing."""
        at = self._places.get(image_id)
        if at is None:
            return Shown(image_id, "", "", extra)
        return Shown(image_id, self._splits[at], ", ".join(self._groups.of(at)), extra)

    def patient(self, image_id: str) -> str | None:
        """Whose image it is, for comparing; never shown."""
        at = self._places.get(image_id)
        return None if at is None else self._patients[at]


@dataclass(frozen=True)
class Pair:
    """Two images that show the same."""

    first: Shown
    second: Shown
    how: str
    similarity: float
    crosses: bool
    contradicts: bool
    two_patients: bool


@dataclass(frozen=True)
class Duplicates:
    """All pairs in figures, and some to look at.

    Attributes:
        pairs: How many there are.
        kinds: (kind in words, pairs, of them across splits, of them with different classes).
        shown: The most serious first.
        contradicting: Pairs of different classes.
    """

    pairs: int
    kinds: tuple[tuple[str, int, int, int], ...]
    shown: tuple[Pair, ...]
    contradicting: int


def duplicates(subject: Subject, index: Index) -> Duplicates | None:
    """What shows the same; None where nobody looked."""
    if subject.duplicates is None:
        return None
    counts: Counter[str] = Counter()
    across: Counter[str] = Counter()
    against: Counter[str] = Counter()
    ranked = []
    for row in subject.duplicates.to_pylist():
        first, second = index.show(row["first"]), index.show(row["second"])
        crosses, contradicts = first.split != second.split, first.said != second.said
        counts[row["kind"]] += 1
        across[row["kind"]] += crosses
        against[row["kind"]] += contradicts
        two = subject.card.patient_known and index.patient(row["first"]) != index.patient(row["second"])
        pair = Pair(first, second, row["how"] or "", row["similarity"], crosses, contradicts, two)
        ranked.append(((not crosses, not contradicts, not two, first.image_id, second.image_id), pair))
    ranked.sort(key=lambda one: one[0])
    kinds = tuple(
        (words, counts[kind], across[kind], against[kind]) for kind, words in _KINDS.items() if counts[kind]
    )
    shown = tuple(pair for _, pair in ranked[:_PAIRS])
    return Duplicates(len(ranked), kinds, shown, sum(against.values()))


@dataclass(frozen=True)
class LeakShown:
    """One kind of leakage with examples: sets of images, and how many more each set has."""

    leak: Leak
    accepted: bool
    examples: tuple[tuple[tuple[Shown, ...], int], ...]


def leaks(subject: Subject, index: Index) -> list[LeakShown]:
    """The leakage that the card counts; of each example set, images of every side."""
    made = []
    for leak in subject.card.leakage:
        examples = []
        for ids in leak.examples[:_SETS]:
            everything = [index.show(one) for one in ids]
            examples.append(_both_sides(everything))
        made.append(LeakShown(leak, leak.kind in subject.card.accepted_leakage, tuple(examples)))
    return made


def compared(subject: Subject) -> tuple[list[str], list[str]]:
    """What could be looked for on two sides of the split, and what could not."""
    pixels = subject.images_of is not None
    kinds = {
        "patients": subject.card.patient_known,
        "groups (lesions or studies)": subject.table["group_id"].null_count < subject.table.num_rows,
        "files": pixels,
        "pixels": pixels and subject.duplicates is not None,
        "near-duplicates": subject.card.near_duplicates is not None,
    }
    return [kind for kind, known in kinds.items() if known], [
        kind for kind, known in kinds.items() if not known
    ]


def _both_sides(images: Sequence[Shown]) -> tuple[tuple[Shown, ...], int]:
    """At most four images, so that each split of the set is there."""
    first = {one.split: one for one in reversed(images)}
    rest = [one for one in images if one is not first[one.split]]
    shown = [*first.values(), *rest][:_IN_A_SET]
    shown.sort(key=lambda one: (one.split != "train", one.split, one.image_id))
    return tuple(shown), len(images) - len(shown)


@dataclass(frozen=True)
class ShortcutShown:
    """One shortcut: (low, value, high, chance) on 0..100 or None, and the images at its two ends."""

    shortcut: Shortcut
    bar: tuple[float, float, float, float] | None
    lowest: tuple[Shown, ...] = ()
    highest: tuple[Shown, ...] = ()


@dataclass(frozen=True)
class Shortcuts:
    """The audit.

    Attributes:
        warned: Those above the limit, the strongest first; some of them with pictures.
        by_class: (class, its shortcuts, the strongest first).
        unlisted: Warned ones that `warned` does not list.
    """

    warned: tuple[ShortcutShown, ...]
    by_class: tuple[tuple[str, tuple[ShortcutShown, ...]], ...]
    unlisted: int


def shortcuts(found: Sequence[Shortcut], subject: Subject, index: Index) -> Shortcuts:
    """Put the audit's findings in order."""

    def strength(one: Shortcut) -> tuple[float, str, str]:
        return (-np.nan_to_num(one.auc, nan=-1.0), one.factor, one.class_name)

    warned = sorted((one for one in found if one.warned), key=strength)
    classes = dict.fromkeys(one.class_name for one in found)
    by_class = tuple(
        (name, tuple(_drawn(one) for one in sorted((o for o in found if o.class_name == name), key=strength)))
        for name in classes
    )
    pictured: set[tuple[str, ...]] = set()
    shown = []
    for one in warned[:_LISTED]:
        ends: dict[str, tuple[Shown, ...]] = {}
        pictures = (*one.lowest[:_IN_A_ROW], *one.highest[:_IN_A_ROW])
        wanted = one.family == "image" and pictures not in pictured and len(pictured) < _PICTURED
        if wanted and pictures and subject.images_of is not None:
            ends["lowest"] = tuple(index.show(image) for image in one.lowest[:_IN_A_ROW])
            ends["highest"] = tuple(index.show(image) for image in one.highest[:_IN_A_ROW])
            pictured.add(pictures)
        shown.append(_drawn(one, **ends))
    return Shortcuts(tuple(shown), by_class, unlisted=max(0, len(warned) - _LISTED))


def _drawn(one: Shortcut, **ends: tuple[Shown, ...]) -> ShortcutShown:
    bar = None
    if not np.isnan(one.auc):
        low, high = (one.auc, one.auc) if np.isnan(one.low) else (one.low, one.high)
        bar = (round(100 * low, 2), round(100 * one.auc, 2), round(100 * high, 2), 50.0)
    return ShortcutShown(one, bar, **ends)


def extremes(subject: Subject, index: Index) -> list[tuple[str, tuple[Shown, ...]]]:
    """The darkest, the brightest and the flattest images, for a look at what is in them."""
    measured = measurements_of(subject)
    if measured is None or subject.images_of is None:
        return []
    wanted = (
        ("Darkest", "brightness_mean", 1, "brightness {:.0f}"),
        ("Brightest", "brightness_mean", -1, "brightness {:.0f}"),
        ("Least contrast", "brightness_spread", 1, "contrast {:.1f}"),
    )
    ids = np.array(subject.table["image_id"].to_pylist(), object)
    made = []
    for title, column, sign, words in wanted:
        if column not in measured.column_names:
            continue
        values = numbers(measured[column])
        known = np.flatnonzero(~np.isnan(values))
        order = sorted(known, key=lambda at: (sign * values[at], ids[at]))[:_EXTREMES]
        if order:
            made.append((title, tuple(index.show(ids[at], words.format(values[at])) for at in order)))
    return made


@dataclass(frozen=True)
class RejectsShown:
    """Rejects of one reason, with some examples: (uri, sentence)."""

    reason: str
    count: int
    examples: tuple[tuple[str, str], ...]


def rejects(subject: Subject) -> list[RejectsShown]:
    """The rejects by reason, the most frequent first."""
    examples: dict[str, list[tuple[str, str]]] = {}
    counts: Counter[str] = Counter()
    columns: Mapping[str, Any] = {
        name: subject.rejects[name].to_pylist() for name in ("uri", "reason", "detail")
    }
    for uri, reason, detail in zip(*columns.values(), strict=True):
        counts[reason] += 1
        shown = examples.setdefault(reason, [])
        if len(shown) < _REJECTS:
            shown.append((uri, detail))
    return [
        RejectsShown(reason, count, tuple(examples[reason]))
        for reason, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]


def images_shown(
    twins: Duplicates | None,
    leaking: Sequence[LeakShown],
    audit: Shortcuts,
    odd: Sequence[tuple[str, Sequence[Shown]]],
) -> Iterator[str]:
    """The id of every image that these parts show, once a place."""
    for pair in twins.shown if twins else ():
        yield from (pair.first.image_id, pair.second.image_id)
    for one in leaking:
        for images, _ in one.examples:
            yield from (image.image_id for image in images)
    for drawn in audit.warned:
        yield from (image.image_id for image in (*drawn.lowest, *drawn.highest))
    for _, ends in odd:
        yield from (image.image_id for image in ends)
