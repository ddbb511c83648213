"""In what images of a class differ most from the others, said in one clause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from overread.exploration.factors import NOT_STATED, Column

_MOST_VALUES = 200  # thresholds tried; more values than that are looked at by quantiles
_COMMON = 0.05  # share of a number that is worth naming by itself
_WORTH = 0.02  # by how much a later column must differ more; the first ones are the easiest to understand


def contrast(columns: Sequence[Column], present: NDArray[np.bool_], *, name: str, others: str) -> str:
    """The level, number or threshold that differs most between images with a finding and without it.

    Args:
        columns: Of n images.
        present: bool [n], with at least one image on either side.
        name: Of the finding.
        others: What the images without it are called.

    Returns:
        "99 % of covid images are named like 'a-9.jpg', but 2 % of the others", for example.
    """
    best, said = -1.0, ""
    for column in columns:
        ranks: dict[tuple[float, bool], str] = {}
        for inside, words in _statements(column):
            here, there = float(inside[present].mean()), float(inside[~present].mean())
            # Rounded, so that the last bit of a sum does not choose the words; of two ways to say the same,
            # the one that says what the finding's images are.
            rank = (round(abs(here - there), 9), here > there)
            ranks.setdefault(
                rank, f"{percent(here)} of {name} images {words}, but {percent(there)} of {others}"
            )
        top = max(ranks, default=(-1.0, False))
        if top[0] > best + _WORTH:
            best, said = top[0], ranks[top]
    return said


def percent(share: float) -> str:
    """A share in words; what is not quite none or all is not rounded to it.

    Example:
        >>> percent(0.4249), percent(0.001), percent(1.0)
        ('42 %', 'under 1 %', '100 %')
    """
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{round(100 * share)} %"


def _statements(column: Column) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """What can be said of a column: where it holds, bool [n], and the words after "images"."""
    values = column.values
    if column.levels:
        for code, level in enumerate(column.levels):
            known = level != NOT_STATED
            yield values == code, column.told.format(level) if known else f"have no known {column.what}"
        return
    missing = np.isnan(values)
    if missing.any():
        yield missing, f"have no known {column.what}"
    found, counts = np.unique(values[~missing], return_counts=True)
    for value in found[counts >= _COMMON * values.size]:
        yield values == value, column.told.format(_short(value))
    steps = found if found.size <= _MOST_VALUES else np.quantile(found, np.linspace(0, 1, _MOST_VALUES))
    for step in steps[:-1]:
        yield values > step, column.told.format(f"over {_short(step)}")
        yield values <= step, column.told.format(f"at most {_short(step)}")


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
