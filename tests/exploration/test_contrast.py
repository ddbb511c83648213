"""In what images of a class differ, in words."""

from __future__ import annotations

import numpy as np

from overread.exploration.contrast import contrast
from overread.exploration.factors import Column

PRESENT = np.repeat([True, False], 50)


def said(*columns: Column) -> str:
    return contrast(columns, PRESENT, name="covid", others="the others")


def test_a_level_that_the_classes_do_not_share() -> None:
    codes = np.concatenate([np.zeros(49), np.ones(51)])
    words = said(Column("source", codes, ("NIH", "PACS"), "come from {}"))
    assert words == "98 % of covid images come from NIH, but 0 % of the others"


def test_what_is_not_stated_is_said_so() -> None:
    column = Column("view", np.repeat([1.0, 0.0], 50), ("AP", "not stated"), "have the view {}")
    assert said(column) == "100 % of covid images have no known view, but 0 % of the others"
    half = Column(
        "view", np.concatenate([np.ones(50), np.arange(50) % 3 // 2 * 2]), ("AP", "not stated", "PA")
    )
    assert said(half) == "100 % of covid images have no known view, but 0 % of the others"


def test_a_threshold_where_numbers_differ() -> None:
    values = np.concatenate([np.arange(50) + 30.0, np.arange(50) - 20.0])
    words = said(Column("age", values, told="are of patients aged {}"))
    assert words == "100 % of covid images are of patients aged over 29, but 0 % of the others"


def test_a_common_number_where_it_differs_more_than_any_threshold() -> None:
    values = np.concatenate([np.full(50, 75.0), np.tile([70.0, 80.0], 25)])
    assert said(Column("quality", values, told="have JPEG quality {}")) == (
        "100 % of covid images have JPEG quality 75, but 0 % of the others"
    )


def test_a_number_that_is_missing_is_a_difference() -> None:
    values = np.concatenate([np.full(50, np.nan), np.arange(50)])
    assert said(Column("JPEG quality", values)) == (
        "100 % of covid images have no known JPEG quality, but 0 % of the others"
    )


def test_the_column_that_differs_most_is_told() -> None:
    nothing = Column("width", np.tile([1.0, 2.0], 50), told="are {} pixels wide")
    something = Column("height", np.repeat([2.0, 1.0], 50), told="are {} pixels high")
    assert "pixels high" in said(nothing, something)


def test_of_columns_that_differ_alike_the_first_is_told() -> None:
    first = Column("quality", np.concatenate([np.full(50, 75.0), np.full(50, 90.0)]), told="have quality {}")
    assert "have quality 75" in said(first, Column("step", -first.values, told="have steps {}"))


def test_many_values_are_looked_at_by_quantiles() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    present = values > 0.5
    words = contrast([Column("x", values)], present, name="a", others="the others")
    assert words.startswith("over 99 % of a images have over 0.") or words.startswith("100 % of a images")


def test_large_numbers_are_grouped_and_small_ones_rounded() -> None:
    sizes = Column("size", np.arange(100) * -1000.0 + 200_000, told="have files of {} bytes")
    assert said(sizes) == "100 % of covid images have files of over 150,000 bytes, but 0 % of the others"
    small = Column("bytes a pixel", np.arange(100) / -1e5 + 0.5, told="take {} bytes a pixel")
    assert said(small).startswith("100 % of covid images take over 0.499 bytes a pixel")
