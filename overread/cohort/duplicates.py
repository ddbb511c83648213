"""Pictures that are copies of one another: turned, mirrored, cropped, resized, stored again.

Candidates come from numbers that turning and mirroring leave as they are (`overread.imaging.moments`); each
candidate is then laid over the other and compared in detail (`overread.imaging.alignment`). The reasons and
the measured figures are in docs/explanation/near-duplicates.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from overread.cohort.descriptors import learn_metric
from overread.cohort.verdict import is_same, lies_square
from overread.errors import UsageError
from overread.imaging.alignment import EXACT, ROUGH, Placement, align, compare
from overread.imaging.fingerprint import FINGERPRINT_BYTES, Pictures, half_sides
from overread.imaging.moments import Pose, invariants, lay_over, moments
from overread.progress import SILENT, Progress

STORED = "same picture, stored differently"

WHOLE = Pose()

POSES: tuple[Pose, ...] = (
    WHOLE,
    # what a copy turned on a larger canvas, or cropped about the centre, shows
    *(Pose(1 / larger) for larger in (1.09, 1.18, 1.28, 1.4, 1.52, 1.63, 1.75)),
    # what a copy cropped to 90 % of the sides shows
    *(Pose(0.9, x, y) for x in (-0.1, 0.0, 0.1) for y in (-0.1, 0.0, 0.1) if x or y),
    # what a copy cropped to 90 % of the area shows
    *(Pose(0.95, x, y) for x in (-0.05, 0.05) for y in (-0.05, 0.05)),
)
"""Where the whole of a copy may lie in its original."""

_NEAR = 0.82  # cosine between descriptors from which a pair is looked at
_ALIKE = 0.86  # correlation, roughly laid over, from which a pair is looked at in detail
_MOST_A_POSE = 32  # neighbours of one picture in one pose
_MOST = 10  # neighbours of one picture that are looked at in detail
_GUESSES = 3  # ways to lay a pair over one another that are tried
_ALIKE_SMOOTHED = 0.945  # correlation of the smoothed pictures from which a pair is laid over exactly
_ALIKE_EXACTLY = 0.955  # the same of less smoothed ones, from which it is compared
_CONTRAST = 6.0  # grey levels: with less, a picture shows nothing to compare
_BLOCK = 512  # pictures, or pairs, at a time
_CELLS = 1 << 25  # of the table of a block against all pictures: 128 MiB
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
    # distinct fingerprints, in the order of their digests: from here on the rows' order has no say
    digests = np.array([blake2b(row, digest_size=16).digest() for row in np.ascontiguousarray(fingerprints)])
    _, rows, which = np.unique(digests, return_index=True, return_inverse=True)
    shows = Pictures.read(fingerprints[rows]).contrast >= _CONTRAST
    place = np.cumsum(shows) - 1
    members: list[list[int]] = [[] for _ in range(np.count_nonzero(shows))]
    for row, value in enumerate(which.tolist()):
        if shows[value]:
            members[place[value]].append(row)
    found = [pair for same in members for pair in _same_fingerprint(same)]
    if len(members) > 1:
        pictures = Pictures.read(fingerprints[rows[shows]])
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
    guesses = _candidates(pictures, progress)
    with progress.task("comparing look-alikes", len(guesses.held)) as task:
        for rows in _whole_pairs(guesses):
            some, where = _lay_exactly(pictures, guesses.take(rows))
            same, likeness, where = _verify(pictures, some, where)
            for row in np.flatnonzero(same):
                yield (
                    int(some.holder[row]),
                    int(some.held[row]),
                    float(np.clip(likeness[row], 0, 1)),
                    complex(where.turn[row]),
                    complex(where.shift[row]),
                    bool(where.mirrored[row]),
                )
            task.advance(rows.stop - rows.start)


def _whole_pairs(guesses: _Pairs) -> Iterator[slice]:
    """Cut guesses, sorted by pair, into blocks without cutting a pair's."""
    starts = np.flatnonzero(_is_first(_pair_key(guesses)))
    for start, stop in pairwise([*starts[::_BLOCK].tolist(), len(guesses.held)]):
        yield slice(start, stop)


def _pair_key(pairs: _Pairs) -> NDArray[np.int64]:
    low, high = np.minimum(pairs.holder, pairs.held), np.maximum(pairs.holder, pairs.held)
    return np.asarray(low.astype(np.int64) << 32 | high)


def _candidates(pictures: Pictures, progress: Progress) -> _Pairs:
    """Find the pairs worth a closer look: at most `_MOST` best of each picture, each pair once."""
    whole = moments(pictures.grey, pictures.shape, WHOLE)
    metric = learn_metric(pictures.grey, pictures.shape, whole)
    held = metric.place(invariants(whole))
    found: list[_Pairs] = []
    block = max(32, min(_BLOCK, _CELLS // len(whole)))
    with progress.task("looking for copies", len(POSES) * len(whole)) as task:
        for number, pose in enumerate(POSES):
            seen = moments(pictures.grey, pictures.shape, pose) if number else whole
            holder = metric.place(invariants(seen)) if number else held
            for start in range(0, len(whole), block):
                rows = slice(start, start + block)
                one, other = _neighbours(holder[rows], held, start, whole_only=number == 0)
                for part in range(0, len(one), 8 * _BLOCK):
                    i, j = one[part : part + 8 * _BLOCK], other[part : part + 8 * _BLOCK]
                    for mirror in (False, True):
                        likeness, angle = lay_over(seen[i], whole[j], mirror=mirror)
                        kind, flag = np.full(len(i), number), np.full(len(i), mirror)
                        found.append(_Pairs(i, j, kind, likeness, angle, flag).take(likeness >= _ALIKE))
                task.advance(min(block, len(whole) - start))
            found = [_best(_Pairs.join(found))] if found else []
    return found[0] if found else _Pairs(*(np.zeros(0, kind) for kind in "iiifd?"))


def _neighbours(
    holder: NDArray[np.float32], held: NDArray[np.float32], start: int, *, whole_only: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of `holder` (numbered from `start`) and of `held` whose descriptors are near."""
    first = start if whole_only else 0
    cosine = holder @ held[first:].T
    own = np.arange(len(holder))
    cosine[own, own + start - first] = -1
    one, other = np.divmod(np.flatnonzero(cosine >= _NEAR), cosine.shape[1])
    crowded = np.flatnonzero(np.bincount(one, minlength=len(holder)) > _MOST_A_POSE)
    if len(crowded):
        limit = np.full(len(holder), _NEAR, np.float32)
        limit[crowded] = -np.partition(-cosine[crowded], _MOST_A_POSE - 1, axis=1)[:, _MOST_A_POSE - 1]
        near = cosine[one, other] >= limit[one]
        one, other = one[near], other[near]
    return one + start, other + first


def _best(guesses: _Pairs) -> _Pairs:
    """Keep of each pair the best guesses, in different directions; of each picture the most alike pairs."""
    pair = _pair_key(guesses)
    direction = np.round(guesses.angle * (8 / np.pi)) % 16 + 16 * guesses.mirrored
    order = np.lexsort((guesses.pose, -guesses.likeness, direction, pair))
    first = _is_first(pair[order]) | _is_first(direction[order])
    guesses = guesses.take(order[first])
    pair = _pair_key(guesses)
    order = np.lexsort((guesses.pose, -guesses.likeness, pair))
    guesses = guesses.take(order[_rank(pair[order]) < _GUESSES])
    pair = _pair_key(guesses)
    best = np.flatnonzero(_is_first(pair))
    ends = np.concatenate([guesses.holder[best], guesses.held[best]])
    which = np.tile(np.arange(len(best)), 2)
    order = np.lexsort((which, -guesses.likeness[best][which], ends))
    kept = np.zeros(len(best), bool)
    kept[which[order[_rank(ends[order]) < _MOST]]] = True
    return guesses.take(kept[np.cumsum(_is_first(pair)) - 1])


def _is_first(groups: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which rows, of rows sorted by group, begin a group."""
    first = np.ones(len(groups), bool)
    first[1:] = groups[1:] != groups[:-1]
    return first


def _rank(groups: NDArray[np.generic]) -> NDArray[np.int64]:
    """The place of each row in its group, of rows sorted by group."""
    starts = np.flatnonzero(_is_first(groups))
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))


def _lay_exactly(pictures: Pictures, guesses: _Pairs) -> tuple[_Pairs, Placement]:
    """Refine every guess roughly, keep the best of each pair, and refine that."""
    holder, held = pictures.take(guesses.holder), pictures.take(guesses.held)
    pose = [POSES[number] for number in guesses.pose]
    width, height = half_sides(holder.shape)
    across, down = np.array([(one.across, one.down) for one in pose]).T
    turn = np.array([one.radius for one in pose]) * np.exp(1j * guesses.angle)
    start = Placement(turn, across * width + 1j * down * height, guesses.mirrored)
    where, alike = align(holder, held, start, ROUGH)
    # of two ways that fit, not the one by which the holder would be the one that is held
    fit = alike - 0.01 * (np.abs(where.turn) > 1.06)
    order = np.lexsort((-fit, _pair_key(guesses)))
    best = order[_is_first(_pair_key(guesses)[order])]
    best = best[alike[best] >= _ALIKE_SMOOTHED]
    where, alike = align(holder.take(best), held.take(best), where.take(best), EXACT)
    close = np.flatnonzero(alike >= _ALIKE_EXACTLY)
    return guesses.take(best[close]), where.take(close)


def _verify(
    pictures: Pictures, pairs: _Pairs, where: Placement
) -> tuple[NDArray[np.bool_], NDArray[np.float32], Placement]:
    """Compare each pair as it lies, and edge to edge; return the verdict, the likeness and how it lies."""
    holder, held = pictures.take(pairs.holder), pictures.take(pairs.held)
    free = compare(holder, held, where)
    square = _squared(where)
    fixed = compare(holder, held, square)
    same = is_same(holder, held, where, free, fixed)
    likeness = free.correlation[:, -1]
    fits = lies_square(where) & (fixed.correlation[:, -1] > likeness - 0.01)
    turn, shift = np.where(fits, square.turn, where.turn), np.where(fits, 0, where.shift)
    likeness = np.where(fits, np.maximum(likeness, fixed.correlation[:, -1]), likeness)
    return same, likeness, Placement(turn, shift, where.mirrored)


def _squared(where: Placement) -> Placement:
    """The nearest placement by quarter turns, same size, same centre."""
    turn = np.exp(1j * np.pi / 2 * np.round(np.angle(where.turn) / (np.pi / 2)))
    return Placement(turn, np.zeros(len(turn), complex), where.mirrored)


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
    if size >= 0.975:
        words += ["shifted"] if abs(shift) > 0.05 else []
    elif angle % 90 and abs(shift) < 0.03:
        words.append("on a smaller canvas" if holder_first else "on a larger canvas")
    else:
        words.append("cropped" if holder_first else "showing more at the edges")
    return ", ".join(words) if words else STORED
