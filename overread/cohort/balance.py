"""Sharing groups of images out in wanted shares, of every class: a beam, then moves and swaps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Up to so many ways to share out, all of them are looked at, and the best is the best there is.
_ALL_WAYS = 4096
_WIDTH = 256
# Past so many groups a beam is slow, and single groups are small enough for moves to mend what is left.
_MOST_IN_BEAM = 400
_STARTS = 6
# A few groups are moved at random, so many times, unless what was found is nearly the best there can be.
_KICKS = 60
_NEAR = 0.01
_STEPS = 200
_MOST_SWAPPED = 160
# A ten-thousandth of a class: nobody sees the difference, and the search ends.
_GOOD = 1e-4


class Rank(NamedTuple):
    """How good a way of sharing out is; less is better, the first entry counts most.

    Attributes:
        gaps: How many sides hold nothing of a stratum.
        worst: The largest |share reached - share wanted| over sides and strata, 0..1.
        squares: The sum of the squares of all of them.
    """

    gaps: int
    worst: float
    squares: float

    def within(self, floor: Rank, deviation: float) -> bool:
        """Whether this is at most so much worse than another."""
        return self.gaps <= floor.gaps and self.worst <= floor.worst + deviation


def share_out(tallies: Floats, shares: Floats, *, already: Floats | None = None) -> Ints:
    """Give each group a side so that each side gets its share of every stratum.

    Sides without anything of a stratum are avoided first, then the largest deviation from the wanted shares
    is made small, then the sum of the squared deviations. Groups are dealt largest first along a beam of the
    best beginnings (in the manner of the iterative stratification of Sechidis, Tsoumakas and Vlahavas 2011,
    for groups); the best ends are improved by moving and swapping groups as long as that helps. With few
    groups the beam holds every way there is.

    Args:
        tallies: float64 [groups, strata], whole numbers: how many images of each stratum a group holds. Of
            equally good groups the first is taken, so their order is what a seed draws.
        shares: float64 [sides], positive.
        already: float64 [sides, strata], what the sides hold before.

    Returns:
        int64 [groups], each group's side.
    """
    groups, sides = len(tallies), len(shares)
    weights = shares / shares.sum()
    before = np.zeros((sides, tallies.shape[1])) if already is None else already
    movable = tallies.sum(axis=0) > 0
    tallies, before = tallies[:, movable], before[:, movable]
    if not groups or not tallies.shape[1] or sides == 1:
        return np.zeros(groups, np.int64)
    task = _Task(tallies, weights, before)
    floor = _floor(task)
    best = _improve(task, _beam(task, width=1)[0])
    if groups > _MOST_IN_BEAM or best[0].within(floor, _GOOD):
        return best[1]
    few = groups * np.log(sides) <= np.log(_ALL_WAYS)
    for home in _promising(task, _beam(task, width=_ALL_WAYS if few else _WIDTH)):
        best = min(best, _improve(task, home), key=lambda found: found[0])
        if best[0].within(floor, _GOOD):
            return best[1]
    return _kick(task, best, floor)[1]


def rank(tallies: Floats, shares: Floats, home: Ints, *, already: Floats | None = None) -> Rank:
    """How good a way of sharing out is; arguments as `share_out`, and what it gave."""
    before = np.zeros((len(shares), tallies.shape[1])) if already is None else already
    movable = tallies.sum(axis=0) > 0
    task = _Task(tallies[:, movable], shares / shares.sum(), before[:, movable])
    return task.rank(task.counts(home))


class _Task:
    """What is to be shared out, and the measure of how well it is."""

    def __init__(self, tallies: Floats, weights: Floats, before: Floats) -> None:
        self.tallies, self.weights, self.before = tallies, weights, before
        self.totals = tallies.sum(axis=0) + before.sum(axis=0)
        # By random odd numbers, always the same, groups that hold the same are told from others.
        draw = np.random.default_rng(0)
        self.marks = tallies.astype(np.int64) @ (draw.integers(1, 2**62, tallies.shape[1]) * 2 + 1)
        self.side_marks = draw.integers(1, 2**62, len(weights)) * 2 + 1

    def counts(self, home: Ints) -> Floats:
        """Images of each stratum on each side: float64 [sides, strata]."""
        counts = self.before.copy()
        np.add.at(counts, home, self.tallies)
        return counts

    def deviations(self, counts: Floats) -> Floats:
        """Share reached less share wanted: float64 [..., sides, strata], -1..1."""
        deviations: Floats = counts / self.totals - self.weights[:, None]
        return deviations

    def rank(self, counts: Floats) -> Rank:
        deviations = self.deviations(counts)
        return Rank(
            int((counts <= 0).sum()), _rounded(np.abs(deviations).max()), _rounded((deviations**2).sum())
        )


def _rounded(value: np.float64) -> float:
    # So that sums in another order do not turn a tie into a choice.
    return float(np.round(value, 9))


def _beam(task: _Task, *, width: int) -> Ints:
    """Deal the groups, largest first, keeping the best beginnings: int64 [at most width, groups].

    A beginning is good if what has been dealt so far stands in the wanted shares: the sum of the squared
    deviations of its counts from those shares of what has been dealt, each stratum in units of its total.
    """
    sides = len(task.weights)
    order = np.argsort(-task.tallies[:, 0], kind="stable")
    pieces = task.tallies / task.totals
    start = task.before / task.totals
    lead = (start - task.weights[:, None] * start.sum(axis=0))[None]
    dealt = np.zeros((1, len(order)), np.int8 if sides < 128 else np.int64)
    keys = np.zeros(1, np.int64)
    for at, group in enumerate(order):
        piece = pieces[group]
        lead = lead - task.weights[:, None] * piece
        cost = (lead**2).sum(axis=(1, 2))[:, None] + 2 * (lead @ piece) + piece @ piece
        chosen = _cheapest(np.round(cost, 9).ravel(), width)
        parent, side = np.divmod(chosen, sides)
        if width > 1:
            # Two beginnings that left the same counts on the same sides are one.
            key = keys[parent] + task.marks[group] * task.side_marks[side]
            keys, first = np.unique(key, return_index=True)
            by_cost = np.argsort(first)
            keys, first = keys[by_cost], first[by_cost]
            parent, side = parent[first], side[first]
            dealt = dealt[parent]
            lead = lead[parent]
        lead[np.arange(len(side)), side] += piece
        dealt[:, at] = side
    homes = np.empty(dealt.shape, np.int64)
    homes[:, order] = dealt
    return homes


def _cheapest(cost: Floats, width: int) -> Ints:
    if width == 1:
        return np.array([np.argmin(cost)])
    return np.argsort(cost, kind="stable")[:width]


def _promising(task: _Task, ends: Ints) -> list[Ints]:
    """The best ends."""
    counts = np.stack([task.counts(home) for home in ends])
    deviations = task.deviations(counts)
    gaps = (counts <= 0).sum(axis=(1, 2))
    worst = np.round(np.abs(deviations).max(axis=(1, 2)), 9)
    squares = np.round((deviations**2).sum(axis=(1, 2)), 9)
    order = np.lexsort((squares, worst, gaps))
    by_squares = np.lexsort((worst, squares, gaps))
    chosen = dict.fromkeys([*order[: _STARTS - 2], *by_squares[:2]])
    return [ends[at] for at in chosen]


def _kick(task: _Task, best: tuple[Rank, Ints], floor: Rank) -> tuple[Rank, Ints]:
    """Look for better ways behind worse ones (iterated local search); the same ones each time."""
    rng = np.random.default_rng(0)
    count, sides = len(task.tallies), len(task.weights)
    for _ in range(_KICKS):
        if best[0].within(floor, _NEAR):
            break
        home = best[1].copy()
        some = rng.integers(0, count, 4)
        home[some] = rng.integers(0, sides, 4)
        best = min(best, _improve(task, home), key=lambda found: found[0])
    return best


def _floor(task: _Task) -> Rank:
    """What no way of sharing out can be better than: images are whole, and every group stands somewhere."""
    sides = len(task.weights)
    holders = (task.tallies > 0).sum(axis=0) + (task.before > 0).sum(axis=0)
    wanted = task.weights[:, None] * task.totals
    lacking = wanted - np.floor(wanted)
    # Rounding up those that lack most gives the whole numbers with the least largest deviation.
    up = np.round(lacking.sum(axis=0)).astype(np.int64)
    by_need = np.sort(lacking, axis=0)[::-1]
    raised = np.arange(sides)[:, None] < up
    rounding = np.abs(by_need - raised).max(axis=0) / task.totals
    largest = task.tallies.max(axis=0) / task.totals - task.weights.max()
    worst = max(0.0, float(rounding.max()), float(largest.max()))
    return Rank(int(np.maximum(0, sides - holders).sum()), worst, 0.0)


def _improve(task: _Task, home: Ints) -> tuple[Rank, Ints]:
    """Move one group, or swap two, as long as the rank falls; the best such step each time."""
    home, counts = home.copy(), task.counts(home)
    now = task.rank(counts)
    for _ in range(_STEPS):
        if now.gaps == 0 and now.worst <= _GOOD:
            break
        moved, swapped, source, goal = _steps(task, home)
        leaving = task.tallies[moved]
        swapping = swapped >= 0
        leaving[swapping] -= task.tallies[swapped[swapping]]
        ranks = _ranks_after(task, counts, leaving, source, goal)
        if not ranks.shape[1]:
            break
        best = int(np.lexsort(ranks[::-1])[0])
        then = Rank(int(ranks[0, best]), float(ranks[1, best]), float(ranks[2, best]))
        if then >= now:
            break
        counts[source[best]] -= leaving[best]
        counts[goal[best]] += leaving[best]
        home[moved[best]] = goal[best]
        if swapped[best] >= 0:
            home[swapped[best]] = source[best]
        now = task.rank(counts)
    return now, home


def _steps(task: _Task, home: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Single steps from here: which group goes, which comes for it (-1: none), from where, whereto."""
    sides = len(task.weights)
    # Of groups that hold the same and stand on the same side the first will do for all.
    distinct = np.sort(np.unique(task.marks + home, return_index=True)[1])
    moved = np.repeat(distinct, sides)
    goal = np.tile(np.arange(sides), len(distinct))
    away = goal != home[moved]
    moved, goal = moved[away], goal[away]
    few = distinct
    if len(distinct) > _MOST_SWAPPED:
        by_size = distinct[np.argsort(task.tallies[distinct, 0], kind="stable")]
        few = by_size[np.linspace(0, len(by_size) - 1, _MOST_SWAPPED).astype(np.int64)]
    one, other = np.triu_indices(len(few), 1)
    apart = home[few[one]] != home[few[other]]
    one, other = few[one[apart]], few[other[apart]]
    return (
        np.concatenate([moved, one]),
        np.concatenate([np.full(len(moved), -1), other]),
        np.concatenate([home[moved], home[one]]),
        np.concatenate([goal, home[other]]),
    )


def _ranks_after(task: _Task, counts: Floats, leaving: Floats, source: Ints, goal: Ints) -> Floats:
    """The rank after each step: float64 [3, steps]."""
    sides = len(counts)
    now = task.deviations(counts)
    gaps, worst, squares = (counts <= 0).sum(axis=1), np.abs(now).max(axis=1), (now**2).sum(axis=1)
    others = np.zeros((sides, sides))
    for one in range(sides):
        for two in range(sides):
            others[one, two] = max((worst[at] for at in range(sides) if at not in (one, two)), default=0.0)
    rest = gaps.sum() - gaps[source] - gaps[goal], squares.sum() - squares[source] - squares[goal]
    most = others[source, goal]
    gap, square = rest[0].astype(np.float64), rest[1]
    for side, sign in ((source, -1.0), (goal, 1.0)):
        then = counts[side] + sign * leaving
        off = then / task.totals - task.weights[side][:, None]
        gap += (then <= 0).sum(axis=1)
        most = np.maximum(most, np.abs(off).max(axis=1))
        square = square + (off**2).sum(axis=1)
    return np.stack([gap, np.round(most, 9), np.round(square, 9)])
