from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.exploration.distributions import Strip, ValueCounts
from overread.exploration.tables import NOT_STATED, bars, percent_text, share_table, strip_table, too_wide


def counted(values, counts, missing) -> ValueCounts:
    return ValueCounts(tuple(values), np.array(counts), np.array(missing), len(values))


def test_shares_are_those_of_the_class_with_what_is_not_stated_as_a_value() -> None:
    table = share_table("Sex", counted("FM", [[3, 1], [0, 0]], [4, 2]), ("sick", "well"))
    assert [value for value, _ in table.values] == ["F", "M", NOT_STATED]
    assert [cell.percent for cell in table.rows[0][2]] == [37.5, 12.5, 50.0]
    assert table.rows[1][1] == 2
    assert [cell.text for cell in table.rows[1][2]] == ["0", "0", "100 %"]


def test_a_class_without_images_has_no_shares() -> None:
    table = share_table("Sex", counted("F", [[0]], [0]), ("none",))
    assert table.rows == (("none", 0, table.rows[0][2]),)
    assert table.rows[0][2][0].text == "0"


@pytest.mark.parametrize(("values", "stacked"), [(2, True), (7, True), (8, False)])
def test_many_values_are_shaded_cells(values, stacked) -> None:
    table = share_table("Site", counted("abcdefgh"[:values], [[1] * values], [0]), ("a",))
    assert table.stacked is stacked


@given(st.one_of(st.floats(0, 100), st.floats(99, 100), st.floats(0, 1)), st.integers(0, 5))
def test_a_share_is_never_rounded_to_nothing_or_everything(percent, count) -> None:
    text = percent_text(percent, count)
    assert (text == "0") == (count == 0)
    if count and percent < 100:
        assert text != "100 %"
    if count:
        assert text != "0 %"


def test_the_highest_bar_fills_the_plot_and_every_image_is_seen() -> None:
    path = str(bars([0, 1, 1000]))
    assert path.count("M") == 2
    assert "M2.06 24V1" in path
    assert "M1.06 24V23.2" in path
    assert str(bars([0, 0])) == ""


def test_the_median_stands_where_its_value_lies_and_nowhere_if_undefined() -> None:
    known = Strip(4, 1, 20.0, 25.0, 30.0, (4, 0))
    unknown = Strip(0, 5, np.nan, np.nan, np.nan, (0, 0))
    table = strip_table("Age", [known, unknown], ["a", "b"], edges=(0, 50, 100))
    assert [row.mark for row in table.rows] == [25.0, None]
    assert [row.median for row in table.rows] == ["25", "–"]
    assert [row.missing_text for row in table.rows] == ["20 %", "100 %"]
    assert table.gaps
    assert table.ends == ("0", "50", "100")


def test_years_have_no_thousands() -> None:
    table = strip_table(
        "Year", [Strip(1, 0, 2015.0, 2015.0, 2015.0, (1,))], ["a"], edges=(2014, 2016), grouped=False
    )
    assert table.rows[0].median == "2015"


def test_long_names_side_by_side_are_turned() -> None:
    assert too_wide(["a rather long name of a class"] * 5)
    assert not too_wide(["mel", "nv", "bcc", "df"])
