"""What a table says of each image: its cells, read by the roles of their columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overread.cohort.candidates import Candidate
from overread.cohort.columns import (
    doubt_source,
    is_stated,
    parse_age,
    parse_label,
    parse_sex,
    parse_split,
    parse_text,
)
from overread.cohort.dates import read_dates
from overread.cohort.schema import Split
from overread.cohort.settings import Role
from overread.cohort.tables import TextTable
from overread.errors import CohortError, RejectReason

_PARSERS: dict[Role, Callable[[str], object]] = {
    "label": parse_label,
    "patient": parse_text,
    "group": parse_text,
    "age": parse_age,
    "sex": parse_sex,
    "site": parse_text,
    "view": parse_text,
    "device": parse_text,
    "source": parse_text,
}


@dataclass(frozen=True)
class Said:
    """All rows of a table, read.

    Attributes:
        columns: Role → column, as it is used.
        values: Role → one value a row, but for `image`.
        split_given: Whether any row names a split.
        notes: Sentences on columns that could not be read.
    """

    columns: Mapping[Role, str]
    values: Mapping[Role, Sequence[Any]]
    split_given: bool
    notes: tuple[str, ...]

    def candidate(
        self,
        at: int,
        uri: str,
        file: str | None,
        *,
        reason: RejectReason | None = None,
        detail: str | None = None,
        rule: str | None = None,
    ) -> Candidate:
        """The candidate of one row."""
        said = {role: column[at] for role, column in self.values.items()}
        return Candidate(uri, file, reason=reason, detail=detail, rule=rule, **said)


def read_roles(table: TextTable, found: Mapping[Role, str], *, named: Collection[str], where: str) -> Said:
    """Read the columns that have a role.

    Args:
        table: The table.
        found: Role → column.
        named: Roles whose column the user named; the others' were guessed and may be something else.
        where: What a message calls the table.

    Raises:
        CohortError: A cell of the split's column names no split.
    """
    columns = dict(found)
    values: dict[Role, Sequence[Any]] = {}
    notes: list[str] = []
    for role, name in found.items():
        cells = table.column(name)
        if role == "source" and role not in named and (why := doubt_source(cells)) is not None:
            del columns["source"]
            notes.append(
                f"the column {name!r} is not taken for the source: {why}; name another with "
                'columns.source = "NAME"'
            )
        elif role == "date":
            values["date"], note = _dates(name, cells)
            notes += note
        elif role == "split":
            values["split"] = _splits(cells, where=where)
        elif role != "image":
            values[role] = _each(_PARSERS[role], cells)
    split_given = any(side is not None for side in values.get("split", ()))
    return Said(columns, values, split_given, tuple(notes))


def _each(parse: Callable[[str], object], cells: Sequence[str]) -> list[object]:
    """Parse each distinct cell once."""
    parsed = {cell: parse(cell) for cell in set(cells)}
    return [parsed[cell] for cell in cells]


def _dates(name: str, cells: Sequence[str]) -> tuple[tuple[str | None, ...], list[str]]:
    dates = read_dates([cell if is_stated(cell) else "" for cell in cells])
    notes = []
    if dates.ambiguous:
        notes.append(
            f"{dates.ambiguous} dates in the column {name!r} may have the day or the month first and are not "
            "used; write them as yyyy-mm-dd"
        )
    if dates.unreadable:
        notes.append(
            f"{dates.unreadable} cells in the column {name!r} name no date and are not used; write them as "
            "yyyy-mm-dd"
        )
    return dates.values, notes


def _splits(cells: Sequence[str], *, where: str) -> list[Split | None]:
    sides = {cell: parse_split(cell) for cell in set(cells)}
    for at, cell in enumerate(cells, 1):
        if sides[cell] is None and is_stated(cell):
            raise CohortError(
                "the split column holds a word that names no split",
                where=f"{where}, row {at}",
                todo="write train, tune (or val) or test, or leave the split to Overread with "
                'columns.split = ""',
            )
    return [sides[cell] for cell in cells]
