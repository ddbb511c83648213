from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.exploration.distributions import (
    OTHER,
    balance,
    codes_of,
    cooccurrence,
    frequent_sizes,
    images_per_owner,
    numbers,
    strips,
    value_counts,
)


def column(values, kind=None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind or pa.string())])


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", "e", "", None]), max_size=40),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
def test_every_image_of_a_group_counts_once(values, most, random) -> None:
    members = np.array([[random.random() < 0.5 for _ in values] for _ in range(3)], bool).reshape(
        3, len(values)
    )
    counted = value_counts(column(values), members, most=most)
    assert (counted.counts.sum(axis=1) + counted.missing).tolist() == members.sum(axis=1).tolist()
    for row, counts, missing in zip(members, counted.counts, counted.missing, strict=True):
        here = [value for value, inside in zip(values, row, strict=True) if inside]
        assert missing == sum(not value for value in here)
        for name, count in zip(counted.values, counts, strict=True):
            if name != OTHER:
                assert count == here.count(name)
    assert len(counted.values) <= most + 1


def test_the_rarest_values_are_put_together_but_not_a_single_one() -> None:
    everyone = np.ones((1, 6), bool)
    values = column(["a", "a", "a", "b", "b", "c"])
    assert value_counts(values, everyone, most=1).values == ("a", OTHER)
    assert value_counts(values, everyone, most=2).values == ("a", "b", "c")
    assert value_counts(values, everyone, most=1).distinct == 3


def test_a_column_without_a_value_has_none() -> None:
    counted = value_counts(column([None, ""]), np.ones((1, 2), bool), most=3)
    assert counted.values == ()
    assert counted.missing.tolist() == [2]


def test_what_lies_outside_the_bins_counts_in_the_last_one() -> None:
    values = np.array([-5.0, 5.0, 15.0, 250.0, np.nan])
    [one] = strips(values, np.ones((1, 5), bool), edges=(0, 10, 20))
    assert one.counts == (2, 2)
    assert (one.known, one.missing, one.median) == (4, 1, 10.0)


def test_quartiles_of_nothing_are_undefined() -> None:
    [one] = strips(np.array([np.nan]), np.ones((1, 1), bool), edges=(0, 1))
    assert np.isnan([one.low, one.median, one.high]).all()
    assert one.counts == (0,)


def test_images_with_both_findings_are_counted_exactly() -> None:
    rng = np.random.default_rng(0)
    members = rng.random((5, 400)) < 0.4
    expected = [[int((one & two).sum()) for two in members] for one in members]
    assert cooccurrence(members).tolist() == expected


def test_a_patient_in_two_splits_counts_in_both_and_once_in_all() -> None:
    made = balance(np.ones((1, 4), bool), np.array([0, 0, 2, 2]), np.array([7, 7, 7, -1]))
    assert made.images.tolist() == [[2, 0, 2]]
    assert made.patients.tolist() == [[1, 0, 1]]
    assert made.all_patients.tolist() == [1]


def test_owners_are_counted_by_how_many_images_they_have() -> None:
    owners = column(["a", "b", "b", "c", *["d"] * 60, None])
    assert images_per_owner(owners) == [
        ("1", 2, 2),
        ("2", 1, 2),
        ("3", 0, 0),
        ("4–5", 0, 0),
        ("6–10", 0, 0),
        ("11–20", 0, 0),
        ("21–50", 0, 0),
        ("over 50", 1, 60),
    ]
    assert images_per_owner(column([None, None])) == []


def test_sizes_of_unread_images_do_not_count() -> None:
    sizes = frequent_sizes(np.array([4.0, 4.0, np.nan]), np.array([3.0, 3.0, 3.0]))
    assert sizes == {(4, 3): 2}


@pytest.mark.parametrize("kind", [pa.bool_(), pa.int32(), pa.float32()])
def test_numbers_and_truth_values_become_floats_with_gaps(kind) -> None:
    first, second, third = numbers(column([True, None, False], pa.bool_()).cast(kind))
    assert (first, third) == (1.0, 0.0)
    assert np.isnan(second)


def test_equal_texts_have_equal_codes_and_none_has_minus_one() -> None:
    first, second, third, fourth = codes_of(column(["x", "y", "x", None]))
    assert first == third != second
    assert fourth == -1
