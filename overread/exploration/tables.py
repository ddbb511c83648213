"""The page's tables: counts of a value by class as bars or shaded cells, and numbers as small histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overread.evaluation.pages import safe
from overread.exploration.distributions import OTHER, Strip, ValueCounts

NOT_STATED = "not stated"
STACKED = 6
"""As many values have a colour of their own; more are shown as shaded cells."""
LISTED = 15
"""As many values have a row of their own among shaded cells."""
_ACROSS = 84


@dataclass(frozen=True)
class Cell:
    """A count with its share.

    Attributes:
        count: Images.
        percent: Of the images of the class, 0..100.
        tone: CSS class of its colour.
    """

    count: int
    percent: float
    tone: str = ""

    @property
    def text(self) -> str:
        """The share in words; see `percent_text`."""
        return percent_text(self.percent, self.count)


@dataclass(frozen=True)
class ShareTable:
    """How often each value occurs in each class.

    Attributes:
        title: "Sex".
        values: What the columns (bars) or rows (shaded cells) are; (name, CSS class of its colour).
        rows: (class, its images, one cell a value), in the order of the classes.
        stacked: Whether bars are drawn; else shaded cells, values down and classes across.
        note: What a reader must know, or "".
    """

    title: str
    values: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, int, tuple[Cell, ...]], ...]
    stacked: bool
    note: str = ""

    @property
    def turned(self) -> bool:
        """Whether the classes' names must stand upright to find room."""
        return too_wide([name for name, _, _ in self.rows])


def too_wide(names: Sequence[str]) -> bool:
    """Whether names side by side, as heads of columns, need more room than a page has."""
    return sum(max(len(name), 7) for name in names) > _ACROSS


def share_table(
    title: str, counted: ValueCounts, names: Sequence[str], *, note: str = "", order: str = "frequency"
) -> ShareTable:
    """Put counts into a table of shares.

    Args:
        title: Of the table.
        counted: Values by class.
        names: Of the classes.
        note: Stands below.
        order: "frequency", or "name" for values that have an order of their own.
    """
    counts, values = counted.counts, list(counted.values)
    if order == "name":
        by_name = sorted(range(len(values)), key=lambda at: (values[at] == OTHER, values[at]))
        counts, values = counts[:, by_name], [values[at] for at in by_name]
    tones = ["other" if value == OTHER else f"c{at}" for at, value in enumerate(values)]
    if counted.missing.any():
        counts = np.concatenate([counts, counted.missing[:, None]], axis=1)
        values, tones = [*values, NOT_STATED], [*tones, "missing"]
    rows = tuple((name, int(row.sum()), _cells(row, tones)) for name, row in zip(names, counts, strict=True))
    if OTHER in values:
        rest = counted.distinct - len(counted.values) + 1
        note = f"Other: {rest:,} more values. {note}".strip()
    stacked = len(counted.values) <= STACKED + 1
    return ShareTable(title, tuple(zip(values, tones, strict=True)), rows, stacked, note)


def _cells(row: NDArray[np.int64], tones: Sequence[str]) -> tuple[Cell, ...]:
    total = max(int(row.sum()), 1)
    return tuple(
        Cell(int(n), round(100 * int(n) / total, 2), tone) for n, tone in zip(row, tones, strict=True)
    )


@dataclass(frozen=True)
class StripRow:
    """One class of a `StripTable`: its name, known and missing images, numbers as text, and its histogram."""

    name: str
    known: int
    missing: int
    missing_text: str
    median: str
    spread: str
    bars: Any
    mark: float | None


@dataclass(frozen=True)
class StripTable:
    """How a number is distributed in each class.

    Attributes:
        title: "Age".
        unit: "years".
        ends: What stands at the axis' beginning, middle and end.
        bins: How many bins a histogram has.
        rows: The first one is of all images.
        gaps: Whether any image lacks the number.
        note: What a reader must know, or "".
    """

    title: str
    unit: str
    ends: tuple[str, str, str]
    bins: int
    rows: tuple[StripRow, ...]
    gaps: bool
    note: str = ""


def strip_table(
    title: str,
    made: Sequence[Strip],
    names: Sequence[str],
    *,
    edges: Sequence[float],
    unit: str = "",
    digits: int = 0,
    note: str = "",
    grouped: bool = True,
) -> StripTable:
    """Put histograms into a table.

    Args:
        title: Of the table.
        made: One histogram a name.
        names: "all" and the classes.
        edges: Of the bins.
        unit: Of the number.
        digits: After the point.
        note: Stands below.
        grouped: Whether thousands are set apart (a year's are not).
    """

    def text(value: float) -> str:
        if np.isnan(value):
            return "–"
        return f"{value:,.{digits}f}" if grouped else f"{value:.{digits}f}"

    low, high = edges[0], edges[-1]
    rows = tuple(
        StripRow(
            name=name,
            known=one.known,
            missing=one.missing,
            missing_text=percent_text(100 * one.missing / max(one.known + one.missing, 1), one.missing),
            median=text(one.median),
            spread="–" if np.isnan(one.low) else f"{text(one.low)} – {text(one.high)}",
            bars=bars(one.counts),
            mark=None
            if np.isnan(one.median)
            else round(100 * float(np.clip((one.median - low) / (high - low), 0, 1)), 2),
        )
        for name, one in zip(names, made, strict=True)
    )
    ends = (text(low), text((low + high) / 2), text(high))
    return StripTable(title, unit, ends, len(edges) - 1, rows, any(row.missing for row in rows), note)


def bars(counts: Sequence[int]) -> Any:
    """Path data of a histogram, as wide as it has bins and 24 high; the highest bar fills it."""
    most = max([*counts, 1])
    steps = (
        f"M{at + 0.06:g} 24V{24 - max(23 * count / most, 0.8):.4g}h.88V24Z"
        for at, count in enumerate(counts)
        if count
    )
    return safe("".join(steps))


def percent_text(percent: float, count: int) -> str:
    """A share for people: never 0 where there is something, never 100 where something is lacking.

    Example:
        >>> [percent_text(p, n) for p, n in ((0, 0), (0.2, 3), (12.4, 7), (99.7, 900), (100, 9))]
        ['0', '<1 %', '12 %', '>99 %', '100 %']
    """
    if not count:
        return "0"
    if percent < 1:
        return "<1 %"
    if 99 < percent < 100:
        return ">99 %"
    return f"{percent:.0f} %"
