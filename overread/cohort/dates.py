"""Days as tables write them: DICOM, ISO, with dots, with a month's name, and the two orders with slashes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

_TIME = r"(?:[t ]\s*\d{1,2}:\d{2}.*)?"
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2})" + _TIME + r")?")
_DICOM = re.compile(r"(\d{4})(\d{2})(\d{2})")
_YEAR = re.compile(r"\d{4}")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})" + _TIME)
_EITHER = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})" + _TIME)
_DAY_MONTH = re.compile(r"(?:(\d{1,2})(?:st|nd|rd|th)?\.?[ -])?([a-z]+)\.?,?[ -](\d{4})")
_MONTH_DAY = re.compile(r"([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_EARLIEST, _LATEST = 1895, 2100


@dataclass(frozen=True)
class Dates:
    """What a column of dates says.

    Attributes:
        values: One a cell: yyyy-mm-dd, yyyy-mm or yyyy; None where it names no day, or not which.
        ambiguous: How many cells may mean two days.
        unreadable: How many cells that say something name no day.
    """

    values: tuple[str | None, ...]
    ambiguous: int
    unreadable: int


def read_dates(cells: Sequence[str]) -> Dates:
    """Read a column of dates; whether day or month stands first is told from the whole column.

    Of 03/04/2020 nothing says whether it is in March or in April. One 25/04/2020 in the column does; without
    such a cell, or where two of them disagree, no guess is made: a wrong order would put images of one week
    on two sides of a split by date.

    Args:
        cells: As the table has them; those that state nothing are "".

    Example:
        >>> read_dates(["20200131", "2020-02", "1. 3. 2020", "Mar 2, 2020"]).values
        ('2020-01-31', '2020-02', '2020-03-01', '2020-03-02')
        >>> read_dates(["03/04/2020"]).ambiguous
        1
    """
    distinct = {cell: cell.strip().lower() for cell in set(cells)}
    day_first = _order(distinct.values())
    read: dict[str, str | None] = {}
    unclear: set[str] = set()
    for cell, said in distinct.items():
        match = _EITHER.fullmatch(said)
        if match is None:
            read[cell] = _clear(said)
        elif day_first is None and match[1].zfill(2) != match[2].zfill(2):
            read[cell] = None
            unclear.add(cell)
        else:
            day, month = (match[1], match[2]) if day_first else (match[2], match[1])
            read[cell] = _day(match[3], month, day)
    values = tuple(read[cell] for cell in cells)
    ambiguous = sum(cell in unclear for cell in cells)
    silent = sum(not distinct[cell] for cell in cells)
    return Dates(values, ambiguous, values.count(None) - ambiguous - silent)


def _order(cells: Iterable[str]) -> bool | None:
    """Whether the day stands first; None where no cell says so, or two disagree."""
    said: set[bool] = set()
    for cell in cells:
        match = _EITHER.fullmatch(cell)
        if match is not None:
            first, second = int(match[1]), int(match[2])
            said |= {True} if first > 12 else {False} if second > 12 else set()
    return said.pop() if len(said) == 1 else None


def _clear(said: str) -> str | None:
    if match := _ISO.fullmatch(said):
        return _day(match[1], match[2], match[3])
    if match := _DICOM.fullmatch(said):
        return _day(match[1], match[2], match[3])
    if _YEAR.fullmatch(said):
        return _day(said, None, None)
    if match := _DOTTED.fullmatch(said):  # who writes dots writes the day first
        return _day(match[3], match[2], match[1])
    if match := _MONTH_DAY.fullmatch(said):
        return _day(match[3], _month(match[1]), match[2])
    if match := _DAY_MONTH.fullmatch(said):
        return _day(match[3], _month(match[2]), match[1])
    return None


def _month(name: str) -> str:
    """1 to 12 as text; "0", which no year has, for another word."""
    fitting = [at for at, month in enumerate(_MONTHS, 1) if month.startswith(name) and len(name) >= 3]
    return str(fitting[0]) if fitting else "0"


def _day(year: str, month: str | None, day: str | None) -> str | None:
    try:
        whole = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    if not _EARLIEST <= whole.year <= _LATEST:  # there is no X-ray from before 1895
        return None
    return whole.isoformat()[: 4 if month is None else 7 if day is None else 10]
