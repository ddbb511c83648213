from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overread.cohort.dates import read_dates

days = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("20200131", "2020-01-31"),
        ("2020-01-31", "2020-01-31"),
        ("2020-1-5", "2020-01-05"),
        ("2020/01/31", "2020-01-31"),
        ("2020-01-31T08:15:00+01:00", "2020-01-31"),
        ("2020-01-31 08:15:00", "2020-01-31"),
        ("2020-01", "2020-01"),
        ("2020", "2020"),
        ("31.01.2020", "2020-01-31"),
        ("1. 2. 2020", "2020-02-01"),
        ("January 22, 2020", "2020-01-22"),
        ("Jan 22 2020", "2020-01-22"),
        ("22-Jan-2020", "2020-01-22"),
        ("22nd January 2020", "2020-01-22"),
        ("Sept 2020", "2020-09"),
        ("31/01/2020", "2020-01-31"),
        ("01/31/2020", "2020-01-31"),
        ("03/03/2020", "2020-03-03"),
    ],
)
def test_a_day_is_read_however_it_is_written(cell: str, said: str) -> None:
    assert read_dates([cell]).values == (said,)


@pytest.mark.parametrize(
    "cell",
    ["2020-02-30", "20201301", "31.01.20", "1.1.0020", "yesterday", "43852", "Ma 2020", "1850", "12/2020"],
)
def test_what_names_no_day_is_none_and_is_counted(cell: str) -> None:
    dates = read_dates([cell, "", "2020"])
    assert (dates.values, dates.unreadable, dates.ambiguous) == ((None, None, "2020"), 1, 0)


def test_two_orders_are_told_apart_by_the_whole_column_or_not_at_all() -> None:
    assert read_dates(["03/04/2020", "25/04/2020"]).values == ("2020-04-03", "2020-04-25")
    assert read_dates(["03/04/2020", "04/25/2020"]).values == ("2020-03-04", "2020-04-25")
    alone = read_dates(["03/04/2020", "05/05/2020", "03-04-2020"])
    assert (alone.values, alone.ambiguous, alone.unreadable) == ((None, "2020-05-05", None), 2, 0)
    disagreeing = read_dates(["03/04/2020", "25/04/2020", "04/25/2020"])
    assert (disagreeing.values, disagreeing.ambiguous) == ((None, None, None), 3)


@given(
    st.lists(days, min_size=1, max_size=8), st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%d.%m.%Y", "%d %B %Y"])
)
def test_clear_forms_are_read_back(written: list[date], form: str) -> None:
    dates = read_dates([day.strftime(form) for day in written])
    assert dates.values == tuple(day.isoformat() for day in written)


@given(st.lists(days, max_size=8), st.sampled_from(["%d/%m/%Y", "%m/%d/%Y"]))
def test_a_column_of_one_order_is_never_read_as_another_day(written: list[date], form: str) -> None:
    values = read_dates([day.strftime(form) for day in written]).values
    assert all(value in (None, day.isoformat()) for value, day in zip(values, written, strict=True))


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_text_is_a_day_or_none(cells: list[str]) -> None:
    dates = read_dates(cells)
    assert len(dates.values) == len(cells)
    assert all(value is None or 4 <= len(value) <= 10 for value in dates.values)
