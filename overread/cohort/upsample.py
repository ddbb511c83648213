"""More images of the classes that train has few of: how many copies of which, decided by counts alone."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from overread.cohort.schema import Split, Task
from overread.errors import CohortError

Share = float | Literal["equal"]
COPY_MARK = "#copy"

# Findings come together: more of one is more of others, and some shares cannot be had at all.
_MOST_GROWTH = 10.0
_MOST_COPIES = 100
_WITHIN = 0.01
"""How far above the wanted share a class that is copied may come; of few images, others are copied too."""


@dataclass(frozen=True)
class UpsamplingPlan:
    """How many copies each image of train gets.

    Attributes:
        copies: Image id → how many; images that get none are left out.
        seed: Of the copies' augmentation, and of who gets one more than others.
        before: Class → its share of the labelled images of train; of a binary cohort also the share without.
        after: The same with the copies.
    """

    copies: Mapping[str, int]
    seed: int
    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def total(self) -> int:
        """Copies of all images."""
        return sum(self.copies.values())

    @property
    def key(self) -> str:
        """A hash that stands for all of the plan."""
        said = {"seed": self.seed, "copies": dict(sorted(self.copies.items()))}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def copy_id(image_id: str, copy: int) -> str:
    """The id of an image's copy, counted from 1.

    Example:
        >>> copy_id("ISIC_1", 2)
        'ISIC_1#copy2'
    """
    return f"{image_id}{COPY_MARK}{copy}"


def plan_upsampling(
    ids: Sequence[str],
    targets: NDArray[np.floating],
    splits: Sequence[Split],
    *,
    task: Task,
    share: Share = "equal",
    seed: int,
) -> UpsamplingPlan:
    """Decide how many copies each image of train gets so that every class has at least a wanted share.

    Counts alone decide how many copies a class gets, and a hash of the seed and the image's id which of its
    images get one more than the others: the order of images and how they are divided into parts do not
    matter. Tune, test and images without a label get none.

    Args:
        ids: n distinct ids.
        targets: float [n, classes], 1, 0 or NaN.
        splits: n splits.
        task: Binary: the finding and its absence are two classes. Multiclass: as it says. Multilabel: images
            with the same findings are copied together as long as that brings the shares nearer to those
            wanted, to at most ten times the images and a hundred copies of one; what findings that occur
            together allow is then reached, and `UpsamplingPlan.after` says what.
        share: What each class shall have at least, 0..1; "equal": as much as every other (of several
            findings: as much as the commonest).
        seed: Draws who gets more.

    Raises:
        CohortError: A class has no image in train, not all classes can have so much, or an id looks like that
            of a copy.
    """
    marked = next((one for one in ids if COPY_MARK in one), None)
    if marked is not None:
        raise CohortError(
            f"its name contains '{COPY_MARK}', with which copies are named", where=f"image {marked!r}"
        )
    values = np.asarray(targets, np.float64).reshape(len(ids), -1)
    stated = (~np.isnan(values)).sum(axis=1)
    known = stated > 0 if task == "multilabel" else stated == values.shape[1]
    chosen = [at for at, split in enumerate(splits) if split == "train" and known[at]]
    present: NDArray[np.bool_] = values[chosen] == 1
    if task == "binary":
        present = np.column_stack([present[:, 0], ~present[:, 0]])
    counts = present.sum(axis=0)
    if not len(chosen) or (task != "multilabel" and not counts.all()):
        raise CohortError(
            "train has no image of a class, so that none can be copied", where="upsampling", todo="bring some"
        )
    kinds, kind_of = np.unique(present, axis=0, return_inverse=True)
    sizes = np.bincount(kind_of.ravel(), minlength=len(kinds))
    wanted = _grown_sets(kinds, sizes, share) if task == "multilabel" else _grown(sizes, share)
    copies: dict[str, int] = {}
    for kind, total in enumerate(wanted):
        members = [ids[chosen[at]] for at in np.flatnonzero(kind_of.ravel() == kind)]
        copies |= _share_copies(members, int(total) - len(members), seed=seed)
    after = (wanted @ kinds) / wanted.sum()
    return UpsamplingPlan(
        dict(sorted(copies.items())), seed, tuple(counts / len(chosen)), tuple(after.tolist())
    )


def _grown(sizes: NDArray[np.int64], share: Share) -> NDArray[np.int64]:
    """Images that each class shall have, so that each has its share: int64 [classes]."""
    count = len(sizes)
    if share == "equal":
        return np.full(count, sizes.max())
    if not 0 <= share * count <= 1:
        raise CohortError(
            f"expected at most 1 / {count} as the share of each of {count} classes, got {share}",
            where="upsampling",
            todo='write a smaller share, or "equal"',
        )
    total = _least_total(sizes, share)
    while True:
        grown = np.maximum(sizes, math.ceil(share * total - 1e-9))
        # What rounding leaves over goes to the largest class, whose share it changes least.
        over = total - int(grown.sum())
        if over >= 0 and (grown <= np.maximum(sizes, (share + _WITHIN) * total)).all():
            grown[np.argmax(sizes)] += over
            return np.asarray(grown, np.int64)
        total += 1


def _least_total(sizes: NDArray[np.int64], share: float) -> int:
    """How many images there are at least once each class has its share, were images divisible."""
    raised = np.zeros(len(sizes), bool)
    total = float(sizes.sum())
    # Raising one class lowers the others' shares, so that they may have to be raised in turn.
    while True:
        short = ~raised & (sizes < share * total - 1e-9)
        left = 1 - share * (raised | short).sum()
        if not short.any() or left <= 1e-9:
            return max(math.ceil(total - 1e-6), int(sizes.sum()))
        raised |= short
        total = sizes[~raised].sum() / left


def _grown_sets(kinds: NDArray[np.bool_], sizes: NDArray[np.int64], share: Share) -> NDArray[np.int64]:
    """Images that each set of findings shall have, so that findings come near their share: int64 [sets].

    Copies are added to one set at a time, in steps that become smaller, as long as the sum of the squared
    shares that are lacking falls.
    """
    holds = kinds.astype(np.float64)
    grown = sizes.astype(np.float64)
    there = (sizes @ holds) > 0
    goal = float((grown @ holds).max() / grown.sum()) if share == "equal" else float(share)
    if not 0 <= goal <= 1:
        raise CohortError(f"expected a share from 0 to 1, got {share}", where="upsampling")
    step = max(1, int(sizes.sum()) // 100)
    while step:
        reached = (grown @ holds) / grown.sum()
        lacking = _lacking(reached[there], goal)
        after = (grown @ holds + step * holds) / (grown.sum() + step)
        costs = _lacking(after[:, there], goal)
        may = (grown + step <= sizes * (1 + _MOST_COPIES)) & (
            grown.sum() + step <= _MOST_GROWTH * sizes.sum()
        )
        costs[~may] = math.inf
        best = int(np.argmin(np.round(costs, 12)))
        if costs[best] < lacking - 1e-12:
            grown[best] += step
        else:
            step //= 2
    return grown.astype(np.int64)


def _lacking(reached: NDArray[np.float64], goal: float) -> NDArray[np.float64]:
    """The sum of the squared shares that are lacking: float64 [...] of [..., findings]."""
    squares: NDArray[np.float64] = (np.maximum(0.0, goal - reached) ** 2).sum(axis=-1)
    return squares


def _share_copies(members: Sequence[str], copies: int, *, seed: int) -> dict[str, int]:
    """Divide copies among images: as many for each, and one more for those whom the hash ranks first."""
    each, more = divmod(copies, len(members))
    ranked = sorted(members, key=lambda one: hashlib.sha256(f"{seed}\0{one}".encode()).digest())
    numbers = {one: each + (place < more) for place, one in enumerate(ranked)}
    return {one: number for one, number in numbers.items() if number}
