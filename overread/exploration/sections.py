"""What the page says of patients and pixels by class: from the cohort's tables to tables of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from overread.cohort.schema import SPLITS
from overread.exploration.distributions import (
    frequent_sizes,
    images_per_owner,
    numbers,
    strips,
    value_counts,
)
from overread.exploration.groups import ClassGroups
from overread.exploration.scatter import size_plot
from overread.exploration.subject import Subject
from overread.exploration.tables import (
    LISTED,
    STACKED,
    Cell,
    ShareTable,
    StripTable,
    percent_text,
    share_table,
    strip_table,
    too_wide,
)

ALL = "all images"
_AGES = tuple(range(0, 101, 5))
_GREYS = tuple(range(0, 256 + 1, 8))
_TEXTS = {"sex": "Sex", "source": "Source", "device": "Device", "view": "View", "site": "Site"}
_COLUMNS = {
    "patient_id": "patient",
    "group_id": "group (lesion or study)",
    "age": "age",
    "sex": "sex",
    "site": "site",
    "view": "view",
    "device": "device",
    "source": "source",
    "date": "date",
}
_MANY_SIZES = 8
_TIMES = "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}"
_MOST_YEARS = 60


def with_all(groups: ClassGroups) -> tuple[list[str], NDArray[np.bool_]]:
    """Names and members of all images together, then of each class."""
    everyone = np.ones((1, groups.members.shape[1]), bool)
    return [ALL, *groups.names], np.concatenate([everyone, groups.members])


def age_table(subject: Subject, groups: ClassGroups) -> StripTable | None:
    """Ages by class; None where no age is stated."""
    ages = numbers(subject.table["age"])
    if np.isnan(ages).all():
        return None
    names, members = with_all(groups)
    older = int((ages > _AGES[-1]).sum())
    note = f"{older:,} ages above {_AGES[-1]} count in the last bar." if older else ""
    made = strips(ages, members, edges=_AGES)
    return strip_table("Age", made, names, edges=_AGES, unit="years", note=note)


def text_tables(subject: Subject, groups: ClassGroups) -> list[ShareTable]:
    """Sex, source, device, view and site by class, each where the source states it."""
    names, members = with_all(groups)
    return [
        _shares(title, subject.table[column], names, members)
        for column, title in _TEXTS.items()
        if subject.table[column].null_count < subject.table.num_rows
    ]


def _shares(
    title: str,
    column: pa.ChunkedArray,
    names: Sequence[str],
    members: NDArray[np.bool_],
    *,
    note: str = "",
    listed: int = LISTED,
) -> ShareTable:
    counted = value_counts(column, members, most=STACKED)
    if counted.distinct > STACKED + 1:
        counted = value_counts(column, members, most=listed)
    return share_table(title, counted, names, note=note)


@dataclass(frozen=True)
class Missing:
    """Shares of missing values.

    Attributes:
        rows: (column, a cell for all images and one a class).
        names: "all images" and the classes.
        nowhere: Columns that the source does not have.
        uneven: (columns, class where they are missing most, percent, class where least, percent), where these
            are 20 points apart.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    nowhere: tuple[str, ...]
    uneven: tuple[tuple[str, str, str, str, str], ...]

    @property
    def turned(self) -> bool:
        """Whether the names stand upright."""
        return too_wide(self.names)


_UNEVEN, _ENOUGH = 20.0, 20


def missing_values(subject: Subject, groups: ClassGroups) -> Missing:
    """Which of the usual columns are stated how often, by class."""
    names, members = with_all(groups)
    rows, nowhere = [], []
    uneven: dict[tuple[str, str, str, str], list[str]] = {}
    for column, word in _COLUMNS.items():
        gaps = subject.table[column].is_null().to_numpy()
        if column == "patient_id":
            gaps = np.full(subject.table.num_rows, not subject.card.patient_known)
        if gaps.all():
            nowhere.append(word)
            continue
        cells = tuple(
            Cell(int((row & gaps).sum()), round(100 * int((row & gaps).sum()) / max(int(row.sum()), 1), 2))
            for row in members
        )
        rows.append((word, cells))
        enough = [k for k in range(1, len(names)) if members[k].sum() >= _ENOUGH]
        if len(enough) > 1:
            most = max(enough, key=lambda k: cells[k].percent)
            least = min(enough, key=lambda k: cells[k].percent)
            if cells[most].percent - cells[least].percent > _UNEVEN:
                key = (names[most], cells[most].text, names[least], cells[least].text)
                uneven.setdefault(key, []).append(word)
    return Missing(
        tuple(names),
        tuple(rows),
        tuple(nowhere),
        tuple((_listed(words), *key) for key, words in uneven.items()),
    )


def _listed(words: Sequence[str]) -> str:
    """In a sentence: "age, sex and view"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


@dataclass(frozen=True)
class Pixels:
    """What is known of the images' files.

    Attributes:
        sizes: Widths and heights by class.
        distinct: How many sizes there are.
        plot: Width against height as SVG, where there are many sizes; else None.
        strips: Brightness and such by class.
        files: Kind of file by class, where there are several.
        medians: Header and rows of a table of medians.
    """

    sizes: ShareTable
    distinct: int
    plot: Any
    strips: tuple[StripTable, ...]
    files: ShareTable | None
    medians: tuple[tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]


def pixels(subject: Subject, groups: ClassGroups) -> Pixels | None:
    """Sizes, files and exposure; None where there are no images."""
    table, measured = subject.table, measurements_of(subject)
    if measured is None and table["width"].null_count == table.num_rows:
        return None
    names, members = with_all(groups)
    width, height = numbers(table["width"]), numbers(table["height"])
    sizes = frequent_sizes(width, height)
    text = pc.binary_join_element_wise(
        table["width"].cast(pa.string()), table["height"].cast(pa.string()), _TIMES
    )
    note = f"{len(sizes):,} sizes, from {_size(min(sizes))} to {_size(max(sizes))} pixels." if sizes else ""
    plot = None
    if len(sizes) > _MANY_SIZES:
        plot = size_plot(sizes, label=f"Width against height of the images: {len(sizes):,} sizes")
    kinds = table["media_type"]
    return Pixels(
        sizes=_shares("Width × height in pixels", text, names, members, note=note, listed=_MANY_SIZES),
        distinct=len(sizes),
        plot=plot,
        strips=_exposure(measured, names, members),
        files=_shares("Kind of file", kinds, names, members)
        if pc.count_distinct(kinds).as_py() > 1
        else None,
        medians=_medians(measured, names, members),
    )


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]:,}{_TIMES}{size[1]:,}"


def _exposure(
    measured: pa.Table | None, names: Sequence[str], members: NDArray[np.bool_]
) -> tuple[StripTable, ...]:
    if measured is None:
        return ()
    wanted = (
        ("brightness_mean", "Brightness", "mean grey level, 0 black to 255 white"),
        ("brightness_spread", "Contrast", "standard deviation of the grey level"),
    )
    made = []
    for column, title, unit in wanted:
        if column in measured.column_names:
            edges = _GREYS if column == "brightness_mean" else _GREYS[:17]
            found = strips(numbers(measured[column]), members, edges=edges)
            made.append(strip_table(title, found, names, edges=edges, unit=unit))
    return tuple(made)


# column: (heading, factor, digits)
_MEDIANS = {
    "file_bytes": ("File, kB", 1e-3, 0),
    "jpeg_quality": ("JPEG quality", 1.0, 0),
    "dark_share": ("Near black, %", 100.0, 1),
    "bright_share": ("Near white, %", 100.0, 1),
    "border_spread": ("Border contrast", 1.0, 0),
    "colourfulness": ("Colourfulness", 1.0, 0),
}


def _medians(
    measured: pa.Table | None, names: Sequence[str], members: NDArray[np.bool_]
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    if measured is None:
        return (), ()
    here = {name: how for name, how in _MEDIANS.items() if name in measured.column_names}
    columns = {name: numbers(measured[name]) for name in here}
    here = {name: how for name, how in here.items() if not np.isnan(columns[name]).all()}
    rows = []
    for name, row in zip(names, members, strict=True):
        texts = []
        for column, (_, factor, digits) in here.items():
            known = columns[column][row]
            known = known[~np.isnan(known)]
            texts.append(f"{factor * float(np.median(known)):,.{digits}f}" if known.size else "–")
        rows.append((name, tuple(texts)))
    return tuple(heading for heading, _, _ in here.values()), tuple(rows)


def measurements_of(subject: Subject) -> pa.Table | None:
    """The measurements in the order of the subject's table; null where an image has none."""
    if subject.measurements is None or not subject.measurements.num_rows:
        return None
    places = pc.index_in(
        subject.table["image_id"], value_set=subject.measurements["image_id"].combine_chunks()
    )
    return subject.measurements.take(places)


@dataclass(frozen=True)
class Owners:
    """How many images a patient, or a group, has: (title, [(step, owners, images, bar 0..100)])."""

    title: str
    steps: tuple[tuple[str, int, int, float], ...]


def owners(subject: Subject) -> list[Owners]:
    """Images per patient and per group, where the source knows them and any has several."""
    made = []
    wanted = [("Images per patient", "patient_id")] if subject.card.patient_known else []
    wanted.append(("Images per group (lesion or study)", "group_id"))
    for title, column in wanted:
        steps = images_per_owner(subject.table[column])
        if steps:
            most = max(count for _, count, _ in steps)
            rows = tuple((name, count, images, round(100 * count / most, 2)) for name, count, images in steps)
            made.append(Owners(title, rows))
    return made


def date_table(subject: Subject, groups: ClassGroups) -> StripTable | None:
    """Years of the images by split and class; None where no date is stated."""
    column = subject.table["date"]
    if column.null_count == subject.table.num_rows:
        return None
    years = numbers(pc.cast(pc.utf8_slice_codeunits(column, 0, 4), pa.int32(), safe=False))
    names, members = with_all(groups)
    sides = np.array(subject.table["split"].to_pylist(), object)
    here = [side for side in SPLITS if (sides == side).any()]
    members = np.concatenate([members[:1], [sides == side for side in here], members[1:]])
    first = int(np.nanmin(years))
    last = max(int(np.nanmax(years)) + 1, first + 2)
    step = -(-(last - first) // _MOST_YEARS)
    edges = tuple(range(first, last + step, step))
    made = strips(years, members, edges=edges)
    return strip_table("Year", made, [names[0], *here, *names[1:]], edges=edges, note="", grouped=False)


def share_of(count: int, total: int) -> str:
    """A share in words: "12 %"."""
    return percent_text(100 * count / max(total, 1), count)
