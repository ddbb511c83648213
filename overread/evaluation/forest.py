"""The subgroup forest plot: a row a subgroup on one scale, with a line where the whole lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor

import numpy as np

from overread.evaluation import wording
from overread.evaluation.clinical import SubgroupRow, SubgroupTable
from overread.evaluation.scores import Score

_TITLES = {"roc_auc": "ROC-AUC", "sensitivity": "Sensitivity", "specificity": "Specificity"}
_STEPS = (0.02, 0.05, 0.1, 0.2)
_MOST_TICKS = 6
_SIGNIFICANT = 0.05
_MOST_TOLD = 5


@dataclass(frozen=True)
class ForestRow:
    """One subgroup.

    Attributes:
        name: "F", "60 to 70".
        counts: "412 (51)": images, and those among them that the statistic rests on.
        value: Of the subgroup.
        interval: Its interval in words.
        difference: From all other images, signed.
        difference_interval: In words.
        p: Adjusted after Holm.
        apart: Whether that is under 0.05.
        span: (low, value, high) in percent of the axis; None where undefined.
    """

    name: str
    counts: str
    value: str
    interval: str
    difference: str
    difference_interval: str
    p: str
    apart: bool
    span: tuple[float, float, float] | None


@dataclass(frozen=True)
class Forest:
    """All subgroups for one statistic of one score.

    Attributes:
        title: "ROC-AUC for malignant".
        statistic: "ROC-AUC".
        counted: What the brackets behind the images count: "with malignant".
        whole: Place of the whole on the axis in percent; None where undefined.
        whole_value: In words.
        ticks: (place in percent, words).
        parts: (column, rows): "sex", "age", …
    """

    title: str
    statistic: str
    counted: str
    whole: float | None
    whole_value: str
    ticks: tuple[tuple[float, str], ...]
    parts: tuple[tuple[str, tuple[ForestRow, ...]], ...]


def forests(tables: Sequence[SubgroupTable], scores: Sequence[Score]) -> tuple[Forest, ...]:
    """One forest a score and statistic, in the order of the tables; columns share its axis.

    Args:
        tables: Of the evaluation.
        scores: Whose names and whole figures to take.
    """
    known = {score.key: score for score in scores}
    ordered: dict[tuple[str, str], list[SubgroupTable]] = {}
    for table in tables:
        ordered.setdefault((table.of, table.statistic), []).append(table)
    return tuple(_forest(group, known.get(of)) for (of, _), group in ordered.items())


def axis_of(values: Sequence[float]) -> tuple[float, float, float]:
    """The axis that holds values of 0..1: (start, stop, step between ticks).

    Example:
        >>> axis_of([0.72, 0.95])
        (0.7, 0.95, 0.05)
    """
    least, most = min(values, default=0.0), max(values, default=1.0)
    for step in _STEPS:
        start, stop = floor(least / step + 1e-9) * step, ceil(most / step - 1e-9) * step
        if stop <= start:
            start, stop = start - step, stop + step
        if (stop - start) / step <= _MOST_TICKS + 1e-9:
            break
    return max(0.0, round(start, 6)), min(1.0, round(stop, 6)), step


def _forest(tables: Sequence[SubgroupTable], score: Score | None) -> Forest:
    statistic, of = tables[0].statistic, score.name if score else tables[0].of
    rows = [row for table in tables for row in table.rows]
    whole = score.figures[statistic].value if score and statistic in score.figures else np.nan
    edges = [value for row in rows for value in (row.figure.low, row.figure.value, row.figure.high)]
    start, stop, step = axis_of([value for value in [*edges, whole] if not np.isnan(value)])
    marks = np.arange(start, stop + step / 2, step)
    marks = marks[:: 2 if marks.size > _MOST_TICKS + 1 else 1]

    def place(value: float) -> float:
        return round(100 * (value - start) / (stop - start), 2)

    counted = {"roc_auc": f"with {of}", "sensitivity": f"with {of}", "specificity": f"without {of}"}
    parts = tuple(
        (column, tuple(_row(row, statistic, place) for table in group for row in table.rows))
        for column, group in groupby(tables, key=lambda table: table.column)
    )
    return Forest(
        title=f"{_TITLES[statistic]} for {of}",
        statistic=_TITLES[statistic],
        counted=counted[statistic],
        whole=None if np.isnan(whole) else place(whole),
        whole_value=wording.number(whole),
        ticks=tuple((place(float(mark)), f"{mark:.2f}".rstrip("0").rstrip(".")) for mark in marks),
        parts=parts,
    )


def _row(row: SubgroupRow, statistic: str, place: Callable[[float], float]) -> ForestRow:
    figure, span = row.figure, None
    if not np.isnan(figure.value):
        low, high = (figure.value, figure.value) if np.isnan(figure.low) else (figure.low, figure.high)
        span = (place(low), place(figure.value), place(high))
    counted = row.negatives if statistic == "specificity" else row.positives
    return ForestRow(
        name=row.name,
        counts=f"{row.images:,} ({counted:,})",
        value=wording.number(figure.value),
        interval=wording.interval(figure),
        difference=wording.signed(row.difference.value),
        difference_interval=wording.signed_interval(row.difference),
        p=wording.p_value(row.p_holm),
        apart=bool(row.p_holm < _SIGNIFICANT),
        span=span,
    )


def subgroup_sentence(tables: Sequence[SubgroupTable], scores: Sequence[Score]) -> str:
    """Which subgroups stand apart from all other images, in words."""
    names = {score.key: score.name for score in scores}
    several = len({table.of for table in tables}) > 1
    apart: dict[str, list[str]] = {}
    for table in tables:
        of = f" for {names.get(table.of, table.of)}" if several else ""
        for row in table.rows:
            if row.p_holm < _SIGNIFICANT:
                off = row.difference.value
                said = f"{_TITLES[table.statistic]}{of} {abs(off):.2f} {'lower' if off < 0 else 'higher'}"
                apart.setdefault(f"{table.column} {row.name}", []).append(said)
    if not any(not np.isnan(row.p_holm) for table in tables for row in table.rows):
        return "No subgroup has enough images for a test."
    if not apart:
        return (
            "No subgroup stands apart from all other images beyond chance. That is no proof that the reader "
            "is as good for each: see how wide the intervals are."
        )
    room, parts = _MOST_TOLD, []
    for kind, off_by in apart.items():
        if room > 0:
            parts.append(f"{kind} ({', '.join(off_by[:room])})")
        room -= len(off_by)
    more = f"; and {-room} more" if room < 0 else ""
    return f"Apart from all other images beyond chance: {'; '.join(parts)}{more}."
