"""Dividing images into train, tune and test so that no patient stands on two sides."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from overread.cohort.balance import share_out
from overread.cohort.schema import SPLITS, Split
from overread.errors import CohortError

_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_UNKNOWN = ""  # sorts before every date


def connect(*keys: Sequence[str | None], pairs: Iterable[tuple[int, int]] = ()) -> list[int]:
    """Number the groups of images that must stay together.

    Two images belong together if any of the keys is the same for both, or if they are a pair, directly or
    through other images.

    Args:
        keys: One sequence a kind of key (patient, lesion, bytes), all of one length; None connects nothing.
        pairs: Positions of images that belong together without a key in common (near-duplicates).

    Returns:
        For each image its group, numbered from 0 in order of first appearance.

    Example:
        >>> connect(["p1", "p1", "p2", None], ["a", None, "b", "b"])
        [0, 0, 1, 1]
        >>> connect([None, None, None], pairs=[(0, 2)])
        [0, 1, 0]
    """
    count = len(keys[0])
    parent = list(range(count))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    def join(first: int, second: int) -> None:
        one, other = root(first), root(second)
        parent[max(one, other)] = min(one, other)

    for kind in keys:
        seen: dict[str, int] = {}
        for at, key in enumerate(kind):
            if key is not None:
                join(seen.setdefault(key, at), at)
    for pair in pairs:
        join(*pair)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(at), len(numbers)) for at in range(count)]


def crossings(keys: Sequence[str | None], sides: Sequence[Split | None]) -> list[list[int]]:
    """Where one key stands on two sides of a given split.

    Returns:
        For each such key the positions of its images, in order; None keys and None sides cross nothing.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for at, (key, side) in enumerate(zip(keys, sides, strict=True)):
        if key is not None and side is not None:
            places[key].append(at)
    return [positions for positions in places.values() if len({sides[at] for at in positions}) > 1]


def assign_splits(
    ids: Sequence[str],
    groups: Sequence[int],
    *,
    strata: NDArray[np.float64],
    shares: Mapping[Split, float],
    seed: int,
    fixed: Sequence[Split | None] | None = None,
) -> list[Split]:
    """Share whole groups out so that each split gets its share of the images and of every class.

    Every split gets something of every stratum where there are groups enough, and then the largest deviation
    of a split's share from the one wanted is made as small as `overread.cohort.balance` can.

    Args:
        ids: n distinct ids; the result depends on them and the seed, not on their order.
        groups: n group numbers; a group is never divided.
        strata: float64 [n, k] of 0 and 1: what to share out evenly beside the number of images.
        shares: Split → share, relative to each other; a split of share 0 gets nothing.
        seed: Draws which of equal groups goes where.
        fixed: For each image the split that it already has, or None. It stays there and counts; the other
            images of its group join it (where a group stands on two sides already, the side with more).

    Returns:
        A split for each image.
    """
    wanted = [split for split in SPLITS if shares.get(split, 0.0) > 0]
    decided = list(fixed) if fixed is not None else [None] * len(ids)
    decided = _follow(groups, decided)
    free = [at for at, split in enumerate(decided) if split is None]
    members = drawn_groups([ids[at] for at in free], [groups[at] for at in free], seed=seed)
    counted = np.column_stack([np.ones(len(ids)), strata]) if len(ids) else np.zeros((0, 1))
    sides = {split: side for side, split in enumerate(wanted)}
    already = np.zeros((len(wanted), counted.shape[1]))
    for at, split in enumerate(decided):
        if split in sides:
            already[sides[split]] += counted[at]
    tallies = np.array([counted[[free[at] for at in group]].sum(axis=0) for group in members])
    home = share_out(
        tallies.reshape(len(members), counted.shape[1]),
        np.array([shares[split] for split in wanted]),
        already=already,
    )
    place = {free[at]: wanted[side] for group, side in zip(members, home, strict=True) for at in group}
    return [split or place[at] for at, split in enumerate(decided)]


def assign_by_date(
    ids: Sequence[str],
    groups: Sequence[int],
    dates: Sequence[str | None],
    *,
    shares: Mapping[Split, float],
    seed: int,
) -> list[Split]:
    """Share whole groups out by time, the oldest into train and the newest into test.

    The purpose is to test on the future. A group stands where its latest image stands, so that no image of
    train or tune is later than any group of test ends; the early images of a late patient are in test with
    him. Images of one date are never divided between test and the rest, even if the shares suffer; between
    train and tune they are, by lot. An incomplete date counts as its last day. A group without any date goes
    to train: whether it is older than test is then not known.

    Args:
        ids: n distinct ids; the result depends on them and the seed, not on their order.
        groups: n group numbers; a group is never divided.
        dates: n dates as yyyy, yyyy-mm or yyyy-mm-dd, or None.
        shares: Split → share of the images, relative to each other; a split of share 0 gets nothing.
        seed: Draws the order of groups of the same date.

    Returns:
        A split for each image.

    Raises:
        CohortError: A date is written in another way, or all groups have the same.
    """
    wanted = [split for split in SPLITS if shares.get(split, 0.0) > 0]
    if len(wanted) < 2 or not ids:
        return [wanted[0]] * len(ids)
    days = [_last_day(said, image=one) for said, one in zip(dates, ids, strict=True)]
    members = drawn_groups(ids, groups, seed=seed)
    latest = [max(days[at] for at in group) for group in members]
    order = sorted(range(len(members)), key=lambda group: latest[group])
    ends = np.cumsum([len(members[group]) for group in order])
    ordered = [latest[group] for group in order]
    weights = np.array([shares[split] for split in wanted])
    targets = np.cumsum(weights / weights.sum())[:-1] * len(ids)
    place: dict[int, Split] = dict.fromkeys(range(len(ids)), wanted[0])
    stop, undated = len(order), ordered.count(_UNKNOWN)
    for at in range(len(wanted) - 1, 0, -1):  # test first: what is left for tune depends on it
        possible = _cuts(ordered[:stop], strict=wanted[at] == "test")
        # Something must be left for the splits before, and what has no date can be in train only.
        possible = [cut for cut in possible if cut >= max(at, undated + at - 1)]
        if not possible:
            raise CohortError(
                f"its {len(members)} groups of images have {len(set(latest) - {_UNKNOWN})} different dates, "
                f"expected enough to tell {wanted[at]} from what was before",
                where="splitting by date",
                todo="bring images of another time, or split by patient",
            )
        cut = min(possible, key=lambda one: abs(int(ends[one - 1]) - targets[at - 1]))
        for group in order[cut:stop]:
            place.update(dict.fromkeys(members[group], wanted[at]))
        stop = cut
    return [place[at] for at in range(len(ids))]


def _cuts(dates: Sequence[str], *, strict: bool) -> list[int]:
    """Where sorted dates may be cut, before which position; `strict`: only where the date changes."""
    return [
        at
        for at in range(1, len(dates))
        if dates[at] != _UNKNOWN and not (strict and dates[at - 1] == dates[at])
    ]


def _follow(groups: Sequence[int], fixed: Sequence[Split | None]) -> list[Split | None]:
    """What is fixed, with the other images of the same groups."""
    votes: dict[int, Counter[Split]] = defaultdict(Counter)
    for group, split in zip(groups, fixed, strict=True):
        if split is not None:
            votes[group][split] += 1
    leading = {group: max(SPLITS, key=lambda one: count[one]) for group, count in votes.items()}
    return [split or leading.get(group) for group, split in zip(groups, fixed, strict=True)]


def drawn_groups(ids: Sequence[str], groups: Sequence[int], *, seed: int) -> list[list[int]]:
    """The positions of each group's images; the groups in an order drawn by their ids and the seed."""
    positions: dict[int, list[int]] = defaultdict(list)
    for at, group in enumerate(groups):
        positions[group].append(at)
    drawn = {
        group: hashlib.sha256(f"{seed}\0{min(ids[at] for at in members)}".encode()).digest()
        for group, members in positions.items()
    }
    return [positions[group] for group in sorted(positions, key=lambda group: drawn[group])]


def _last_day(date: str | None, *, image: str) -> str:
    """A date that compares as the last day that it can mean."""
    if date is None:
        return _UNKNOWN
    if not _DATE.fullmatch(date):
        raise CohortError(
            f"expected a date as yyyy, yyyy-mm or yyyy-mm-dd, got {date!r}",
            where=f"image {image!r}",
            todo="write it so",
        )
    return date + "-99-99"[len(date) - 10 :] if len(date) < 10 else date
