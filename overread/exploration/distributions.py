"""From columns to counts by class: pure functions, no words and no drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Members = NDArray[np.bool_]
"""bool [groups, images]: which image belongs to which group."""

OTHER = "other"


@dataclass(frozen=True)
class ValueCounts:
    """How often each value occurs in each group.

    Attributes:
        values: The most frequent first; `OTHER` last, where there are more than were asked for.
        counts: int [groups, values].
        missing: int [groups]: images of which the value is not known.
        distinct: How many values there are, those under `OTHER` included.
    """

    values: tuple[str, ...]
    counts: NDArray[np.int64]
    missing: NDArray[np.int64]
    distinct: int


def value_counts(column: pa.ChunkedArray, members: Members, *, most: int) -> ValueCounts:
    """Count a text column by group.

    Args:
        column: string [images]; null and "" are missing.
        members: Which image belongs to which group.
        most: Values to tell apart; the rest are put together, unless it is a single one.

    Example:
        >>> column, everyone = pa.chunked_array([["F", "M", None]]), np.ones((1, 3), bool)
        >>> counted = value_counts(column, everyone, most=5)
        >>> counted.values, counted.counts.tolist(), counted.missing.tolist()
        (('F', 'M'), [[1, 1]], [1])
    """
    codes, names = _codes(column)
    known = codes >= 0
    totals = np.bincount(codes[known], minlength=len(names))
    order = sorted(range(len(names)), key=lambda at: (-totals[at], names[at]))
    shown = order if len(order) <= most + 1 else order[:most]
    place = np.full(len(names) + 1, len(shown), np.int64)
    place[shown] = np.arange(len(shown))
    width = len(shown) + (len(shown) < len(order))
    counts = np.array(
        [np.bincount(place[codes[row & known]], minlength=width) for row in members], np.int64
    ).reshape(len(members), width)
    values = tuple(names[at] for at in shown) + ((OTHER,) if width > len(shown) else ())
    return ValueCounts(values, counts, (members & ~known).sum(axis=1), len(names))


def _codes(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    """A number for each value, -1 for missing ones, and the values."""
    column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column.cast(pa.string()))
    encoded = pa.chunked_array(column, pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()


@dataclass(frozen=True)
class Strip:
    """How a number is distributed in one group.

    Attributes:
        known: Images of which it is known.
        missing: Images of which it is not.
        low, median, high: Quartiles; NaN where none is known.
        counts: Images a bin; what lies outside the bins counts in the first or the last.
    """

    known: int
    missing: int
    low: float
    median: float
    high: float
    counts: tuple[int, ...]


def strips(values: NDArray[np.floating], members: Members, *, edges: Sequence[float]) -> list[Strip]:
    """Histograms and quartiles of a number, one a group.

    Args:
        values: float [images]; NaN where it is not known.
        members: Which image belongs to which group.
        edges: Of the bins, rising.
    """
    made = []
    bins = np.asarray(edges, float)
    for row in members:
        here = values[row]
        known = here[~np.isnan(here)]
        low, median, high = np.percentile(known, [25, 50, 75]) if known.size else (np.nan,) * 3
        counts, _ = np.histogram(np.clip(known, bins[0], bins[-1]), bins)
        made.append(
            Strip(known.size, here.size - known.size, low, median, high, tuple(int(n) for n in counts))
        )
    return made


def numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """A column of numbers or truth values as float64 [rows]; NaN for null."""
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)


def cooccurrence(members: Members) -> NDArray[np.int64]:
    """Images in both of two groups, int64 [groups, groups]; on the diagonal those of the group."""
    rows = members.astype(np.float64)
    return np.rint(rows @ rows.T).astype(np.int64)


@dataclass(frozen=True)
class Balance:
    """Images and patients of each group in each split.

    Attributes:
        images: int [groups, splits].
        patients: int [groups, splits]: distinct ones.
        all_patients: int [groups].
    """

    images: NDArray[np.int64]
    patients: NDArray[np.int64]
    all_patients: NDArray[np.int64]


def balance(members: Members, split_of: NDArray[np.int64], patient_of: NDArray[np.int64]) -> Balance:
    """Count groups by split.

    Args:
        members: Which image belongs to which group.
        split_of: int [images]: 0, 1 or 2.
        patient_of: int [images]: a number a patient; -1 where there is none.
    """
    images, patients, everyone = [], [], []
    for row in members:
        images.append(np.bincount(split_of[row], minlength=3)[:3])
        patients.append([distinct(patient_of[row & (split_of == side)]) for side in range(3)])
        everyone.append(distinct(patient_of[row]))
    shape = (len(members), 3)
    return Balance(
        np.array(images, np.int64).reshape(shape),
        np.array(patients, np.int64).reshape(shape),
        np.array(everyone, np.int64),
    )


def codes_of(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """int64 [rows]: equal numbers for equal texts, -1 for null."""
    return _codes(column)[0]


def distinct(codes: NDArray[np.int64]) -> int:
    """How many different codes there are; -1 is none."""
    return len(np.unique(codes[codes >= 0]))


PER_OWNER = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 20), (21, 50), (51, None))
"""How many images a patient or lesion may have: first and last of each step."""


def images_per_owner(owners: pa.ChunkedArray) -> list[tuple[str, int, int]]:
    """How many patients (or lesions) have how many images.

    Args:
        owners: string [images]; null where an image has none.

    Returns:
        ("4–5", patients with 4 or 5 images, their images), in rising order, without empty steps at the end.
    """
    codes = codes_of(owners)
    each = np.bincount(codes[codes >= 0]) if (codes >= 0).any() else np.zeros(0, np.int64)
    found = []
    for first, last in PER_OWNER:
        here = each[(each >= first) & (each <= (last or each.max(initial=0)))]
        name = f"{first}" if last == first else f"{first}–{last}" if last else f"over {first - 1}"
        found.append((name, len(here), int(here.sum())))
    while found and not found[-1][1]:
        found.pop()
    return found


def frequent_sizes(width: NDArray[np.floating], height: NDArray[np.floating]) -> Counter[tuple[int, int]]:
    """How often each (width, height) in pixels occurs; images of unknown size do not count."""
    known = ~(np.isnan(width) | np.isnan(height))
    pairs = np.stack([width[known], height[known]], axis=1).astype(np.int64)
    sizes, counts = np.unique(pairs, axis=0, return_counts=True)
    return Counter({(int(wide), int(high)): int(n) for (wide, high), n in zip(sizes, counts, strict=True)})
