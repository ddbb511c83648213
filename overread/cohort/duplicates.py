"""Pictures that are copies of one another: turned, mirrored, cropped, resized, stored again.

Candidates come from numbers that turning and mirroring leave as they are (`overread.imaging.moments`); each
candidate is then laid over the other and compared in detail (`overread.imaging.alignment`). The reasons and
the measured figures are in docs/explanation/near-duplicates.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overread.cohort.descriptors import learn_metric
from overread.errors import UsageError
from overread.imaging.alignment import Likeness, Placement, align, compare
from overread.imaging.fingerprint import FINGERPRINT_BYTES, Pictures, half_sides
from overread.imaging.moments import Pose, invariants, lay_over, moments
from overread.progress import SILENT, Progress

WHOLE = Pose()

POSES: tuple[Pose, ...] = (
    WHOLE,
    # what a copy turned on a larger canvas, or cropped about the centre, shows
    *(Pose(1 / larger) for larger in (1.09, 1.18, 1.28, 1.4, 1.52, 1.63)),
    # what a copy cropped to 90 % of the sides shows
    *(Pose(0.9, x, y) for x in (-0.1, 0.0, 0.1) for y in (-0.1, 0.0, 0.1) if x or y),
    # what a copy cropped to 90 % of the area shows
    *(Pose(0.95, x, y) for x in (-0.05, 0.05) for y in (-0.05, 0.05)),
)
"""Where the whole of a copy may lie in its original."""

_NEAR = 0.82  # cosine between descriptors from which a pair is looked at
_ALIKE = 0.86  # correlation, roughly laid over, from which a pair is looked at in detail
_MOST_A_POSE = 64  # neighbours of one picture in one pose
_MOST = 24  # neighbours of one picture that are looked at in detail
_CONTRAST = 6.0  # grey levels: with less, a picture shows nothing to compare
_SAME = 0.93  # correlation of all structure of copies, where rounding leaves that much
_SAME_FINE = 0.87  # the same of fine structure
_SAME_EXACT = 0.93  # correlation of coarse structure of copies that were only turned by 90° or mirrored
_SAME_EXACT_ALL = 0.75  # the same of all structure
_SHOWN = 0.7  # where rounding leaves less correlation, a picture shows too little
_BLOCK = 512
_CLIQUE = 64  # same fingerprints up to which every pair is named


@dataclass(frozen=True)
class Duplicate:
    """Two images that show the same picture."""

    first: int
    """Row of the fingerprints."""
    second: int
    """Row of the fingerprints, after `first`."""
    similarity: float
    """0..1, 1: no difference; of the structure that is left when the one is laid over the other."""
    how: str
    """In plain words, how the second differs from the first: "mirrored and turned by 90°, cropped"."""


@dataclass(frozen=True)
class _Pairs:
    """Candidates: `held`, seen whole, seems to lie in `holder` at `pose`, turned by `angle`."""

    holder: NDArray[np.int64]
    held: NDArray[np.int64]
    pose: NDArray[np.int64]
    likeness: NDArray[np.float32]
    angle: NDArray[np.float64]
    mirrored: NDArray[np.bool_]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> _Pairs:
        return _Pairs(*(column[rows] for column in vars(self).values()))

    @classmethod
    def join(cls, parts: list[_Pairs]) -> _Pairs:
        return cls(
            *(np.concatenate(columns) for columns in zip(*(vars(p).values() for p in parts), strict=True))
        )


def find_duplicates(fingerprints: NDArray[np.uint8], *, progress: Progress = SILENT) -> list[Duplicate]:
    """Find the images that are copies of one another.

    Which pairs are found does not depend on the order of the rows. Pictures that show next to nothing (fewer
    than about six grey levels) are never reported, not even with themselves.

    Args:
        fingerprints: uint8 [n, FINGERPRINT_BYTES], of `overread.imaging.fingerprint.fingerprint`.
        progress: Who wants to know.

    Returns:
        The pairs, by first and second row. Of more than 64 images with the very same fingerprint, all are
        paired with the first only.

    Raises:
        UsageError: The array is not one of fingerprints.
    """
    if fingerprints.ndim != 2 or fingerprints.shape[1] != FINGERPRINT_BYTES or fingerprints.dtype != np.uint8:
        raise UsageError(
            f"expected fingerprints as uint8 [n, {FINGERPRINT_BYTES}], got {fingerprints.dtype} "
            f"{list(fingerprints.shape)}; take them with overread.imaging.fingerprint"
        )
    # distinct fingerprints, sorted by their bytes: from here on the rows' order has no say
    rows = np.ascontiguousarray(fingerprints).view(np.dtype((np.void, FINGERPRINT_BYTES))).ravel()
    distinct, which = np.unique(rows, return_inverse=True)
    prints = distinct.view(np.uint8).reshape(-1, FINGERPRINT_BYTES)
    shows = Pictures.read(prints).contrast >= _CONTRAST
    kept = np.flatnonzero(shows)
    place = np.cumsum(shows) - 1
    members: list[list[int]] = [[] for _ in kept]
    for row, value in enumerate(which.ravel()):
        if shows[value]:
            members[place[value]].append(row)
    found = [pair for same in members for pair in _same_fingerprint(same)]
    if len(kept) > 1:
        pictures = Pictures.read(np.ascontiguousarray(prints[kept]))
        for one, other, similarity, turn, shift, mirrored in _search(pictures, progress):
            for first in members[one][:_CLIQUE]:
                for second in members[other][:_CLIQUE]:
                    words = _describe(turn, shift, mirrored, holder_first=first < second)
                    found.append(Duplicate(min(first, second), max(first, second), similarity, words))
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def _same_fingerprint(rows: list[int]) -> Iterator[Duplicate]:
    for place, first in enumerate(rows[: 1 if len(rows) > _CLIQUE else None]):
        for second in rows[place + 1 :]:
            yield Duplicate(first, second, 1.0, STORED)


def _search(
    pictures: Pictures, progress: Progress
) -> Iterator[tuple[int, int, float, complex, complex, bool]]:
    """Yield holder, held, similarity and placement of each pair that shows the same."""
    pairs = _candidates(pictures, progress)
    with progress.task("comparing look-alikes", len(pairs.held)) as task:
        for start in range(0, len(pairs.held), _BLOCK):
            some = pairs.take(slice(start, start + _BLOCK))
            same, likeness, where = _verify(pictures, some)
            for row in np.flatnonzero(same):
                yield (
                    int(some.holder[row]),
                    int(some.held[row]),
                    float(np.clip(likeness[row], 0, 1)),
                    complex(where.turn[row]),
                    complex(where.shift[row]),
                    bool(where.mirrored[row]),
                )
            task.advance(len(some.held))


def _candidates(pictures: Pictures, progress: Progress) -> _Pairs:
    """Find the pairs worth a closer look: at most `_MOST` best of each picture, each pair once."""
    whole = moments(pictures.grey, pictures.shape, WHOLE)
    metric = learn_metric(pictures.grey, pictures.shape, whole)
    held = metric.place(invariants(whole))
    found: list[_Pairs] = []
    with progress.task("looking for copies", len(POSES) * len(whole)) as task:
        for number, pose in enumerate(POSES):
            seen = moments(pictures.grey, pictures.shape, pose) if number else whole
            holder = metric.place(invariants(seen)) if number else held
            for start in range(0, len(whole), _BLOCK):
                rows = slice(start, start + _BLOCK)
                one, other = _neighbours(holder[rows], held, start, whole_only=number == 0)
                for part in range(0, len(one), 8 * _BLOCK):
                    i, j = one[part : part + 8 * _BLOCK], other[part : part + 8 * _BLOCK]
                    likeness, angle, mirrored = lay_over(seen[i], whole[j])
                    alike = likeness >= _ALIKE
                    made = _Pairs(i, j, np.full(len(i), number), likeness, angle, mirrored)
                    found.append(made.take(alike))
                task.advance(min(_BLOCK, len(whole) - start))
            found = [_best(_Pairs.join(found), len(whole))] if found else []
    return found[0] if found else _Pairs(*(np.zeros(0, kind) for kind in "iiifd?"))


def _neighbours(
    holder: NDArray[np.float32], held: NDArray[np.float32], start: int, *, whole_only: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of `holder` (numbered from `start`) and of `held` whose descriptors are near."""
    first = start if whole_only else 0
    cosine = holder @ held[first:].T
    own = np.arange(len(holder))
    cosine[own, own + start - first] = -1
    limit = np.full(len(holder), _NEAR, np.float32)
    crowded = np.flatnonzero(np.count_nonzero(cosine >= _NEAR, axis=1) > _MOST_A_POSE)
    if len(crowded):
        limit[crowded] = -np.partition(-cosine[crowded], _MOST_A_POSE - 1, axis=1)[:, _MOST_A_POSE - 1]
    one, other = np.nonzero(cosine >= limit[:, None])
    return one + start, other + first


def _best(pairs: _Pairs, count: int) -> _Pairs:
    """Keep each pair in its best pose, and of each picture the pairs that are the most alike."""
    low, high = np.minimum(pairs.holder, pairs.held), np.maximum(pairs.holder, pairs.held)
    order = np.lexsort((pairs.pose, -pairs.likeness, high, low))
    pairs = pairs.take(order[np.r_[True, np.diff((low * count + high)[order]) != 0]] if len(order) else order)
    kept = np.zeros(len(pairs.held), bool)
    ends = np.concatenate([pairs.holder, pairs.held])
    row = np.tile(np.arange(len(pairs.held)), 2)
    order = np.lexsort((row, -pairs.likeness[row], ends))
    starts = np.flatnonzero(np.r_[True, np.diff(ends[order]) != 0]) if len(order) else order
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    kept[row[order[rank < _MOST]]] = True
    return pairs.take(kept)


def _verify(pictures: Pictures, pairs: _Pairs) -> tuple[NDArray[np.bool_], NDArray[np.float32], Placement]:
    """Lay each pair over one another exactly, and judge."""
    holder, held = pictures.take(pairs.holder), pictures.take(pairs.held)
    pose = [POSES[number] for number in pairs.pose]
    width, height = half_sides(holder.shape)
    turn = np.array([one.radius for one in pose]) * np.exp(1j * pairs.angle)
    shift = (
        np.array([one.across for one in pose]) * width + 1j * np.array([one.down for one in pose]) * height
    )
    where = align(holder, held, Placement(turn, shift, pairs.mirrored))
    free = compare(holder, held, where)
    exact = _squared(where)
    fixed = compare(holder, held, exact)
    lies = (np.abs(where.turn - exact.turn) < 0.08) & (np.abs(where.shift) < 0.08)
    by_fixed = lies & _judge_exact(fixed)
    same = by_fixed | _judge(free)
    similarity = np.maximum(free.correlation[:, 2], np.where(lies, fixed.correlation[:, 2], 0))
    unmoved = by_fixed & (fixed.correlation[:, 2] > free.correlation[:, 2] - 0.01)
    turn, shift = np.where(unmoved, exact.turn, where.turn), np.where(unmoved, 0, where.shift)
    return same, similarity, Placement(turn, shift, where.mirrored)


def _squared(where: Placement) -> Placement:
    """The nearest placement by quarter turns, same size, same centre."""
    turn = np.exp(1j * np.pi / 2 * np.round(np.angle(where.turn) / (np.pi / 2)))
    return Placement(turn, np.zeros(len(turn), complex), where.mirrored)


def _judge(likeness: Likeness) -> NDArray[np.bool_]:
    """Whether a pair laid over one another freely shows the same."""
    _, fine, everything = likeness.correlation.T
    _, fine_expected, expected = likeness.expected.T
    same = (everything >= _SAME * expected) & (fine >= _SAME_FINE * fine_expected) & (expected > _SHOWN)
    return np.asarray(same)


def _judge_exact(likeness: Likeness) -> NDArray[np.bool_]:
    """Whether a pair whose corners lie on one another shows the same: less is asked of fine structure."""
    coarse, _, everything = likeness.correlation.T
    same = (coarse >= _SAME_EXACT) & (everything >= _SAME_EXACT_ALL) & (likeness.expected[:, 2] > _SHOWN)
    return np.asarray(same)


STORED = "same picture, stored differently"


def _describe(turn: complex, shift: complex, mirrored: bool, *, holder_first: bool) -> str:
    """Say how the second differs from the first."""
    angle = abs(round(float(np.degrees(np.angle(-turn if mirrored else turn)))))
    if min(angle % 90, 90 - angle % 90) <= 1:
        angle = 90 * round(angle / 90)
    words = []
    if mirrored and angle == 180:
        words.append("mirrored top to bottom")
    elif mirrored:
        words.append("mirrored" if angle == 0 else f"mirrored and turned by {angle}°")
    elif angle:
        words.append(f"turned by {angle}°")
    size = abs(turn)
    if size < 0.975:
        on_canvas = angle % 90 and abs(shift) < 0.03
        if on_canvas:
            words.append("on a smaller canvas" if holder_first else "on a larger canvas")
        else:
            words.append("cropped" if holder_first else "showing more at the edges")
    return ", ".join(words) if words else STORED
