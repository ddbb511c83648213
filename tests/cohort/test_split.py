from __future__ import annotations

import csv
import gzip
import os
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overread.cohort.schema import SPLITS, Split
from overread.cohort.split import assign_by_date, assign_splits, connect, crossings
from overread.errors import CohortError

NIH = (
    Path(os.environ.get("OVERREAD_SHARED", Path(__file__).parents[3] / "shared"))
    / "data/nih/Data_Entry_2017_v2020.csv.gz"
)
SHARES: dict[Split, float] = {"train": 0.6, "tune": 0.2, "test": 0.2}


def one_hot(labels: list[int]) -> np.ndarray:
    return np.eye(max(labels, default=0) + 1)[labels]


def assign(
    groups: list[int], labels: list[int], *, seed: int = 0, shares: dict[Split, float] = SHARES
) -> list[Split]:
    ids = [f"image {at}" for at in range(len(groups))]
    return assign_splits(ids, groups, strata=one_hot(labels), shares=shares, seed=seed)


grouped = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), min_size=1, max_size=120)


@settings(max_examples=60)
@given(grouped, st.integers(0, 5))
def test_no_group_crosses_and_no_image_is_lost(images: list[tuple[int, int]], seed: int) -> None:
    groups, labels = [group for group, _ in images], [label for _, label in images]
    splits = assign(groups, labels, seed=seed)
    assert len(splits) == len(images)
    sides = defaultdict(set)
    for group, split in zip(groups, splits, strict=True):
        sides[group].add(split)
    assert all(len(side) == 1 for side in sides.values())


@settings(max_examples=60)
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


@settings(max_examples=40)
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


@settings(max_examples=60)
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


def test_a_third_class_of_a_multilabel_cohort_is_shared_out_with_the_others() -> None:
    rng = np.random.default_rng(0)
    strata = (rng.random((600, 4)) < [0.5, 0.2, 0.1, 0.05]).astype(float)
    groups = rng.integers(0, 300, 600).tolist()
    splits = np.array(
        assign_splits([f"{at}" for at in range(600)], groups, strata=strata, shares=SHARES, seed=0)
    )
    for split, share in SHARES.items():
        reached = strata[splits == split].sum(0) / strata.sum(0)
        np.testing.assert_allclose(reached, share, atol=0.02)


def test_images_with_a_split_keep_it_and_their_group_follows() -> None:
    groups = [0, 0, 1, 1, 1, 2, *range(3, 37)]
    fixed: list[Split | None] = ["test", None, "tune", "test", "test", None, *[None] * 34]
    splits = assign_splits(
        [f"{at}" for at in range(40)], groups, strata=np.ones((40, 1)), shares=SHARES, seed=0, fixed=fixed
    )
    assert splits[:5] == ["test", "test", "tune", "test", "test"]
    assert Counter(splits) == {"train": 24, "tune": 8, "test": 8}


def test_an_image_joins_the_side_where_most_of_its_divided_group_stands() -> None:
    fixed: list[Split | None] = ["test", "test", "train", None]
    splits = assign_splits(list("abcd"), [0] * 4, strata=np.ones((4, 1)), shares=SHARES, seed=0, fixed=fixed)
    assert splits == ["test", "test", "train", "test"]


def test_a_fixed_split_that_is_not_shared_out_takes_nothing_from_the_others() -> None:
    fixed: list[Split | None] = ["test"] * 50 + [None] * 40
    splits = assign_splits(
        [f"{at}" for at in range(90)],
        list(range(90)),
        strata=np.ones((90, 1)),
        shares={"train": 0.6, "tune": 0.2},
        seed=0,
        fixed=fixed,
    )
    assert Counter(splits) == {"test": 50, "train": 30, "tune": 10}


def test_a_site_stays_whole_where_it_is_a_key() -> None:
    rng = np.random.default_rng(0)
    sites = [f"site {at}" for at in rng.integers(0, 12, 200)]
    patients = [f"{site} {at}" for site, at in zip(sites, rng.integers(0, 20, 200), strict=True)]
    groups = connect(patients, sites)
    splits = assign(groups, [0] * 200)
    assert crossings(sites, splits) == []
    assert crossings(patients, splits) == []
    assert set(splits) == set(SPLITS)


def by_date(dates: list[str | None], *, groups: list[int] | None = None, seed: int = 0) -> list[Split]:
    ids = [f"{at}" for at in range(len(dates))]
    return assign_by_date(ids, groups or list(range(len(dates))), dates, shares=SHARES, seed=seed)


def test_the_oldest_train_and_the_newest_test() -> None:
    dates: list[str | None] = [f"2020-01-{day:02d}" for day in range(1, 11)]
    assert by_date(dates) == ["train"] * 6 + ["tune"] * 2 + ["test"] * 2
    assert by_date(dates[::-1]) == ["test"] * 2 + ["tune"] * 2 + ["train"] * 6


def test_a_patient_stands_where_his_latest_image_does() -> None:
    dates: list[str | None] = [f"2020-01-{day:02d}" for day in range(1, 11)]
    assert by_date(dates, groups=[0, 1, 2, 3, 4, 5, 6, 7, 8, 0])[0] == "test"


def test_images_without_a_date_train_unless_their_group_has_one() -> None:
    dates: list[str | None] = [None, None, *[f"2020-01-{day:02d}" for day in range(1, 9)]]
    splits = by_date(dates, groups=[0, 9, *range(2, 10)])
    assert splits[:2] == ["train", "test"]
    mostly = by_date([None] * 50 + ["2020-01-01", "2020-01-02"])
    assert mostly == ["train"] * 50 + ["tune", "test"]


def test_one_date_is_not_divided_between_test_and_the_past() -> None:
    dates: list[str | None] = ["2019"] * 3 + ["2020"] * 6 + ["2021"]
    splits = by_date(dates)
    assert splits[-1] == "test"
    assert Counter(splits) == {"train": 6, "tune": 3, "test": 1}
    assert splits != by_date(dates, seed=1)  # who of 2020 tunes is drawn


def test_an_incomplete_date_counts_as_its_last_day() -> None:
    dates: list[str | None] = ["2019-11-30", "2019-12-31", "2019", "2019-12", "2020-01-01", "2018", "2018-03"]
    assert by_date(dates)[4] == "test"
    assert {by_date(dates)[at] for at in (0, 5, 6)} == {"train"}


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 15), st.integers(2010, 2014)), min_size=8, max_size=60),
    st.integers(0, 3),
)
def test_no_group_of_test_ends_before_an_image_of_the_past(images: list[tuple[int, int]], seed: int) -> None:
    groups, dates = [group for group, _ in images], [f"{year}" for _, year in images]
    ends = {group: max(year for one, year in images if one == group) for group in groups}
    try:
        splits = by_date([*dates], groups=groups, seed=seed)
    except CohortError:
        assert len(ends) < 3 or sorted(ends.values())[1] == max(ends.values())
        return
    past = [year for (_, year), split in zip(images, splits, strict=True) if split != "test"]
    assert max(past) < min(
        ends[group] for group, split in zip(groups, splits, strict=True) if split == "test"
    )
    assert crossings([str(group) for group in groups], splits) == []
    assert set(splits) == set(SPLITS)


def test_dates_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(CohortError, match="have 1 different dates"):
        by_date(["2020"] * 9)
    with pytest.raises(CohortError, match=r"image '1': expected a date as yyyy, .* got '5/2020'"):
        by_date(["2019", "5/2020", "2021"])


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


@pytest.mark.shared
@pytest.mark.skipif(not NIH.is_file(), reason="the shared data are not here (OVERREAD_SHARED)")
def test_the_112120_xrays_of_30805_patients_keep_the_shares_of_15_findings() -> None:
    with gzip.open(NIH, "rt") as handle:
        rows = list(csv.DictReader(handle))
    names = sorted({name for row in rows for name in row["Finding Labels"].split("|")})
    strata = np.array([[name in row["Finding Labels"].split("|") for name in names] for row in rows], float)
    groups = connect([row["Patient ID"] for row in rows])
    ids = [row["Image Index"] for row in rows]
    assert strata.shape == (112120, 15)
    assert max(groups) + 1 == 30805
    start = time.process_time()
    splits = np.array(assign_splits(ids, groups, strata=strata, shares=SHARES, seed=0))
    assert time.process_time() - start < 30  # 2 s where measured
    assert crossings([f"{group}" for group in groups], splits.tolist()) == []
    for split, share in SHARES.items():
        off = np.abs(strata[splits == split].sum(0) / strata.sum(0) - share)
        assert off.max() < 0.003  # the 227 images with a hernia; all others are a tenth of that


def test_pairs_that_share_an_image_form_one_group() -> None:
    assert connect([None] * 5, pairs=[(3, 1), (1, 0)]) == [0, 0, 1, 0, 2]
    assert connect([None, "p", None, None, "p"], pairs=[(3, 1)]) == [0, 1, 2, 1, 1]
