from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overread.cohort.schema import SPLITS, Split
from overread.cohort.split import assign_splits, connect, crossings

SHARES: dict[Split, float] = {"train": 0.6, "tune": 0.2, "test": 0.2}


def one_hot(labels: list[int]) -> np.ndarray:
    return np.eye(max(labels, default=0) + 1)[labels]


def assign(
    groups: list[int], labels: list[int], *, seed: int = 0, shares: dict[Split, float] = SHARES
) -> list[Split]:
    ids = [f"image {at}" for at in range(len(groups))]
    return assign_splits(ids, groups, strata=one_hot(labels), shares=shares, seed=seed)


grouped = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), min_size=1, max_size=120)


@settings(max_examples=60, deadline=None)
@given(grouped, st.integers(0, 5))
def test_no_group_crosses_and_no_image_is_lost(images: list[tuple[int, int]], seed: int) -> None:
    groups, labels = [group for group, _ in images], [label for _, label in images]
    splits = assign(groups, labels, seed=seed)
    assert len(splits) == len(images)
    sides = defaultdict(set)
    for group, split in zip(groups, splits, strict=True):
        sides[group].add(split)
    assert all(len(side) == 1 for side in sides.values())


@settings(max_examples=60, deadline=None)
@given(grouped, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(images: list[tuple[int, int]], seed: int, random: object) -> None:
    rows = [(f"image {at}", group, label) for at, (group, label) in enumerate(images)]
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def by_id(table: list[tuple[str, int, int]]) -> dict[str, Split]:
        ids, groups, labels = (list(column) for column in zip(*table, strict=True))
        numbers = connect([str(group) for group in groups])
        strata = np.eye(3)[labels]
        return dict(
            zip(ids, assign_splits(ids, numbers, strata=strata, shares=SHARES, seed=seed), strict=True)
        )

    assert by_id(rows) == by_id(shuffled)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 1)), min_size=40, max_size=150), st.integers(0, 3)
)
def test_shares_and_class_shares_are_near_those_wanted(patients: list[tuple[int, int]], seed: int) -> None:
    groups = [at for at, (size, _) in enumerate(patients) for _ in range(size)]
    labels = [label for size, label in patients for _ in range(size)]
    counts = Counter(zip(assign(groups, labels, seed=seed), labels, strict=True))
    for label, total in Counter(labels).items():
        for split, share in SHARES.items():
            assert abs(counts[split, label] - share * total) <= 4  # most of a patient's 6 images


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=3, max_size=12), st.lists(st.integers(1, 5), min_size=3, max_size=40)
)
def test_each_split_holds_each_class_where_there_are_groups_enough(few: list[int], many: list[int]) -> None:
    groups = [at for at, size in enumerate([*few, *many]) for _ in range(size)]
    labels = [0] * sum(few) + [1] * sum(many)
    held = set(zip(assign(groups, labels), labels, strict=True))
    assert held == {(split, label) for split in SPLITS for label in (0, 1)}


def test_single_images_get_exactly_their_shares() -> None:
    labels = [0] * 100 + [1] * 50
    counts = Counter(zip(assign(list(range(150)), labels), labels, strict=True))
    assert counts == {
        ("train", 0): 60, ("tune", 0): 20, ("test", 0): 20,
        ("train", 1): 30, ("tune", 1): 10, ("test", 1): 10,
    }  # fmt: skip


def test_large_patients_are_not_all_put_into_train() -> None:
    sizes = [8] * 10 + [1] * 100
    groups = [at for at, size in enumerate(sizes) for _ in range(size)]
    splits = assign(groups, [0] * len(groups))
    large = {split for group, split in zip(groups, splits, strict=True) if group < 10}
    assert large == set(SPLITS)


def test_the_seed_draws_another_split_and_the_same_seed_the_same() -> None:
    groups, labels = list(range(60)), [at % 2 for at in range(60)]
    assert assign(groups, labels, seed=1) == assign(groups, labels, seed=1)
    assert assign(groups, labels, seed=1) != assign(groups, labels, seed=2)


def test_a_split_without_share_gets_nothing() -> None:
    splits = assign(
        list(range(30)), [at % 2 for at in range(30)], shares={"train": 0.8, "tune": 0.2, "test": 0}
    )
    assert Counter(splits) == {"train": 24, "tune": 6}
    assert set(assign([0, 1], [0, 1], shares={"train": 1})) == {"train"}


@pytest.mark.parametrize(
    ("keys", "groups"),
    [
        ([["a", "a", "b"]], [0, 0, 1]),
        ([[None, None]], [0, 1]),
        ([["a", "b", "c", "d"], ["x", "y", "y", None], [None, None, "s", "s"]], [0, 1, 1, 1]),
        ([["a", "b", "c"], ["x", "x", "y"], ["1", "2", "1"]], [0, 0, 0]),
    ],
)
def test_images_are_connected_through_any_key(keys: list[list[str | None]], groups: list[int]) -> None:
    assert connect(*keys) == groups


def test_crossings_name_the_images_of_keys_on_two_sides() -> None:
    keys = ["a", "a", "b", "b", None, None, "a"]
    sides: list[Split | None] = ["train", "test", "train", "train", "train", "test", None]
    assert crossings(keys, sides) == [[0, 1]]
