"""Dividing images into train, tune and test so that no patient stands on two sides."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from overread.cohort.schema import SPLITS, Split


def connect(*keys: Sequence[str | None]) -> list[int]:
    """Number the groups of images that must stay together.

    Two images belong together if any of the keys is the same for both, directly or through other images.

    Args:
        keys: One sequence a kind of key (patient, lesion, bytes), all of one length; None connects nothing.

    Returns:
        For each image its group, numbered from 0 in order of first appearance.

    Example:
        >>> connect(["p1", "p1", "p2", None], ["a", None, "b", "b"])
        [0, 0, 1, 1]
    """
    count = len(keys[0])
    parent = list(range(count))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for kind in keys:
        first: dict[str, int] = {}
        for at, key in enumerate(kind):
            if key is not None:
                one, other = root(first.setdefault(key, at)), root(at)
                parent[max(one, other)] = min(one, other)
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
) -> list[Split]:
    """Share whole groups out so that each split gets its share of the images and of every class.

    Groups go, largest first and otherwise in an order drawn by `seed`, where they lower the chi-square
    distance between the counts reached and the counts wanted most; then groups move to splits that lack a
    class, where there are enough of them. (In the manner of Sechidis, Tsoumakas and Vlahavas 2011, for
    groups.)

    Args:
        ids: n distinct ids; the result depends on them and the seed, not on their order.
        groups: n group numbers; a group is never divided.
        strata: float64 [n, k] of 0 and 1: what to share out evenly beside the number of images.
        shares: Split → share, relative to each other; a split of share 0 gets nothing.
        seed: Draws the order.

    Returns:
        A split for each image.
    """
    wanted = [split for split in SPLITS if shares.get(split, 0.0) > 0]
    if len(wanted) < 2 or not ids:
        return [wanted[0]] * len(ids)
    tallies, members = _tally(groups, strata)
    tallies = tallies[:, tallies.sum(axis=0) > 0]
    names = [min(ids[at] for at in positions) for positions in members]
    draw = [hashlib.sha256(f"{seed}\0{name}".encode()).digest() for name in names]
    order = sorted(range(len(members)), key=lambda group: (-len(members[group]), draw[group]))

    weights = np.array([shares[split] for split in wanted])
    desired = np.outer(weights / weights.sum(), tallies.sum(axis=0))
    reached = np.zeros_like(desired)
    home = np.zeros(len(members), dtype=np.int64)
    for group in order:
        home[group] = _cheapest(tallies[group], reached, desired)
        reached[home[group]] += tallies[group]
    _fill_gaps(order, tallies, home, reached)
    place = {at: wanted[home[group]] for group, positions in enumerate(members) for at in positions}
    return [place[at] for at in range(len(ids))]


def _tally(groups: Sequence[int], strata: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[list[int]]]:
    """Images and strata of each group: float64 [groups, 1 + k]; and the positions of its members."""
    positions: dict[int, list[int]] = defaultdict(list)
    for at, group in enumerate(groups):
        positions[group].append(at)
    members = list(positions.values())
    counted = np.column_stack([np.ones(len(groups)), strata])
    return np.stack([counted[at].sum(axis=0) for at in members]), members


def _cost_of_adding(
    tally: NDArray[np.float64], reached: NDArray[np.float64], desired: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How chi-square changes if a group joins each split: float64 [splits]."""
    change: NDArray[np.float64] = (tally * (tally + 2 * (reached - desired)) / desired).sum(axis=1)
    return change


def _cheapest(tally: NDArray[np.float64], reached: NDArray[np.float64], desired: NDArray[np.float64]) -> int:
    # Rounded, so that sums in another order do not turn a tie into a choice.
    return int(np.argmin(np.round(_cost_of_adding(tally, reached, desired), 9)))


def _fill_gaps(
    order: Sequence[int],
    tallies: NDArray[np.float64],
    home: NDArray[np.int64],
    reached: NDArray[np.float64],
) -> None:
    """Give each split a group of each stratum that it lacks, where another split can spare one."""
    splits, strata = reached.shape
    for column in range(strata):
        for lacking in range(splits):
            if reached[lacking, column] > 0:
                continue
            movable = [
                group
                for group in order
                if tallies[group, column] > 0 and _can_spare(tallies[group], reached[home[group]])
            ]
            if movable:
                group = min(
                    movable,
                    key=lambda one: (
                        tallies[one, 0],
                        -round(float(reached[home[one], column]), 9),
                        order.index(one),
                    ),
                )
                reached[home[group]] -= tallies[group]
                home[group] = lacking
                reached[lacking] += tallies[group]


def _can_spare(tally: NDArray[np.float64], reached: NDArray[np.float64]) -> bool:
    """Whether a split keeps something of every stratum when the group leaves."""
    return bool(np.all((tally == 0) | (reached - tally > 0)))
