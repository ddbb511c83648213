"""How near the best possible way of sharing groups out the one found is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from overread.cohort.balance import rank, share_out

USUAL = (0.6, 0.2, 0.2)


def made_cohort(groups: int, classes: int, seed: int) -> np.ndarray:
    """Random multilabel groups: `[groups, 1 + classes + 1]` images, of each class, and of none."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum(rng.geometric(rng.uniform(0.1, 0.9), groups), 40)
    rates = rng.uniform(0.02, 0.6, classes)
    tallies = []
    for size, habit in zip(sizes, rng.choice([0.5, 1.0, 1.5], groups), strict=True):
        present = rng.random((size, classes)) < rates * habit
        tallies.append([size, *present.sum(0), (~present.any(1)).sum()])
    return np.array(tallies, float)


def best_of_all_ways(tallies: np.ndarray, shares: tuple[float, ...]) -> tuple[int, float]:
    """The fewest gaps and then the smallest largest deviation: by looking at every way there is."""
    tallies = tallies[:, tallies.sum(0) > 0]
    ways = np.indices((len(shares),) * len(tallies)).reshape(len(tallies), -1).T
    counts = np.stack([(ways == side) @ tallies for side in range(len(shares))], axis=1)
    off = np.abs(counts / tallies.sum(0) - np.array(shares)[:, None]).max(axis=(1, 2))
    gaps = (counts == 0).sum(axis=(1, 2))
    return int(gaps.min()), float(off[gaps == gaps.min()].min())


def best_by_solver(tallies: np.ndarray, shares: tuple[float, ...]) -> tuple[int, float]:
    """The same by integer programming, which proves that there is nothing better."""
    tallies = tallies[:, tallies.sum(0) > 0]
    pieces = tallies / tallies.sum(0)
    groups, strata = pieces.shape
    sides = len(shares)
    chosen, held = groups * sides, sides * strata
    rows, low, high = [], [], []

    def demand(at: dict[int, float] | np.ndarray, least: float, most: float) -> None:
        row = np.zeros(chosen + held + 1)
        for index, value in at.items() if isinstance(at, dict) else enumerate(at):
            row[index] = value
        rows.append(row), low.append(least), high.append(most)

    for group in range(groups):
        demand({group * sides + side: 1 for side in range(sides)}, 1, 1)
    for side in range(sides):
        for one in range(strata):
            parts = {group * sides + side: pieces[group, one] for group in range(groups)}
            demand({**parts, chosen + held: -1}, -np.inf, shares[side])
            demand({**parts, chosen + held: 1}, shares[side], np.inf)
            there = {at: float(value > 0) for at, value in parts.items()}
            demand({**there, chosen + side * strata + one: -1}, 0, np.inf)
    whole = np.r_[np.ones(chosen + held), 0]
    objective = np.r_[np.zeros(chosen), -np.ones(held), 0]
    options = {"time_limit": 20.0, "mip_rel_gap": 1e-3}

    def solve(cost: np.ndarray) -> float:
        limits = LinearConstraint(np.array(rows), low, high)
        found = milp(cost, constraints=limits, integrality=whole, bounds=Bounds(0, 1), options=options)
        assert found.status == 0, found.message
        return float(found.fun)

    most_held = round(-solve(objective))
    demand(-objective, most_held, np.inf)
    return held - most_held, solve(np.r_[np.zeros(chosen + held), 1])


def whole_numbers(total: int, shares: tuple[float, ...]) -> float:
    """The least largest deviation that undivided images allow: by looking at all sums of three."""
    train, tune = np.meshgrid(np.arange(total + 1), np.arange(total + 1))
    counts = np.stack([train, tune, total - train - tune])[:, train + tune <= total]
    return float(np.abs(counts / total - np.array(shares)[:, None]).max(axis=0).min())


def no_way_is_better_than(tallies: np.ndarray, shares: tuple[float, ...]) -> tuple[int, float]:
    """Gaps and a deviation that no way falls below: what the best ways for each stratum alone have."""
    gaps, off = 0, 0.0
    for column in tallies.T:
        holders = np.sort(column[column > 0])
        if 0 < len(holders) <= 7:
            alone = best_of_all_ways(holders[:, None], shares)
            gaps, off = gaps + alone[0], max(off, alone[1])
        elif len(holders):
            off = max(
                off, holders[-1] / holders.sum() - max(shares), whole_numbers(int(holders.sum()), shares)
            )
    return gaps, off


@pytest.mark.exhaustive
@settings(max_examples=1000, derandomize=True)
@given(st.integers(3, 60), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_class_shares_are_within_two_points_of_the_best_possible(
    groups: int, classes: int, seed: int
) -> None:
    tallies = made_cohort(groups, classes, seed)
    found = rank(tallies, np.array(USUAL), share_out(tallies, np.array(USUAL)))
    if groups <= 8:
        gaps, best = best_of_all_ways(tallies, USUAL)
    else:
        gaps, best = no_way_is_better_than(tallies, USUAL)
        if found.gaps > gaps or found.worst > best + 0.02:  # the bound may be too low
            gaps, best = best_by_solver(tallies, USUAL)
    assert found.gaps == gaps
    assert found.worst <= best + 0.02


@pytest.mark.parametrize("shares", [USUAL, (0.7, 0.1, 0.2), (0.2,) * 5, (0.8, 0.2)])
def test_other_shares_and_folds_are_near_the_best_that_a_solver_finds(shares: tuple[float, ...]) -> None:
    for seed in range(8):
        tallies = made_cohort(6 + seed, 3, seed)
        found = rank(tallies, np.array(shares), share_out(tallies, np.array(shares)))
        gaps, best = best_by_solver(tallies, shares)
        assert found.gaps == gaps
        assert found.worst <= best + 0.01


def test_the_rank_counts_gaps_and_deviations() -> None:
    tallies = np.array([[3.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    found = rank(tallies, np.array([3.0, 1.0]), np.array([0, 0, 1]))
    assert found.gaps == 1  # no image of the class on the second side
    assert found.worst == pytest.approx(0.25)
    assert found.squares == pytest.approx(2 * (0.05**2 + 0.25**2))


def test_what_the_sides_hold_before_counts() -> None:
    already = np.array([[60.0, 10.0], [0.0, 0.0]])
    tallies = np.array([[1.0, 0.0]] * 30 + [[1.0, 1.0]] * 10)
    shares = np.array([0.6, 0.4])
    home = share_out(tallies, shares, already=already)
    # 12 of the 20 images of the class are wanted there, and 60 of all 100.
    assert (tallies[home == 0]).sum(0).tolist() == [2, 2]
    assert rank(tallies, shares, home, already=already).worst == pytest.approx(0.02)


def test_a_rare_stratum_reaches_every_side_that_groups_allow() -> None:
    tallies = np.array([[40.0, 1.0], [30.0, 1.0], [2.0, 1.0]] + [[1.0, 0.0]] * 100)
    home = share_out(tallies, np.array(USUAL))
    assert sorted(home[:3]) == [0, 1, 2]


def test_thousands_of_groups_get_their_shares_to_a_tenth_of_a_point() -> None:
    rng = np.random.default_rng(0)
    sizes = np.minimum(rng.geometric(0.3, 5000), 100)
    tallies = np.column_stack([sizes, rng.binomial(sizes, 0.1), rng.binomial(sizes, 0.3)]).astype(float)
    assert rank(tallies, np.array(USUAL), share_out(tallies, np.array(USUAL))).worst < 0.001


def test_nothing_to_share_out_is_no_error() -> None:
    assert share_out(np.zeros((0, 3)), np.array(USUAL)).tolist() == []
    assert share_out(np.array([[2.0, 1.0]]), np.array([1.0])).tolist() == [0]
