"""Patient information beside an image: what a bundle asks for, and how words become the network's numbers."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from overread.bundle.manifest import MetadataField
from overread.cohort.columns import is_stated, parse_age, parse_sex
from overread.errors import UsageError

LARGEST = float(np.finfo(np.float32).max)

Given: TypeAlias = Mapping[str, object]
"""What is known of one image by the fields' names: `{"age": 61, "sex": "F"}`. None, NaN, "" and "unknown" are
as if the field was not named."""


@dataclass(frozen=True, eq=False)
class Told:
    """What a network is told of one image.

    Args:
        values: In the fields' order, float32 [fields]: see `MetadataField`.
        missing: Names of the fields of which it is told nothing.
    """

    values: NDArray[np.float32]
    missing: tuple[str, ...]


def tell(fields: Sequence[MetadataField], given: Given | None, *, where: str) -> Told:
    """Bring what is known of an image into the form that the network takes.

    A category that is not among those of train is as good as unknown, and so is an age that nobody has.

    Args:
        fields: What the bundle asks for.
        given: What is known; None: nothing.
        where: What an error calls the image. Errors do not repeat values: they are a patient's.

    Raises:
        UsageError: A name is no field, or a value is of a kind that cannot be.
    """
    given = given or {}
    names = [field.name for field in fields]
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=1)
            raise UsageError(
                f"the bundle does not ask for '{name}'",
                where=where,
                todo=f"did you mean '{near[0]}'?"
                if near
                else f"it asks for {', '.join(names) or 'images alone'}",
            )
    values = [_value(field, given.get(field.name), where=where) for field in fields]
    missing = tuple(name for name, value in zip(names, values, strict=True) if math.isnan(value))
    return Told(np.array(values, np.float32), missing)


def parse_cell(field: MetadataField, cell: str) -> object:
    """What the cell of a table says of a field, read as an ingest reads it; None where it says nothing."""
    if field.kind == "category" or not is_stated(cell):
        return cell if is_stated(cell) else None
    if field.name == "age":
        return parse_age(cell)
    try:
        number = float(cell.replace(",", "."))
    except ValueError:
        return None
    return number if abs(number) <= LARGEST else None


def made_metadata(fields: Sequence[MetadataField], count: int) -> list[dict[str, float | str]]:
    """Made values for `count` images, in which each field is sometimes left out; the same at every call."""
    rows: list[dict[str, float | str]] = []
    for row in range(count):
        said: dict[str, float | str] = {}
        for at, field in enumerate(fields):
            if (row + at) % 3 == 2:
                continue
            said[field.name] = (
                field.categories[row % len(field.categories)] if field.categories else 20.0 + 7.0 * row
            )
        rows.append(said)
    return rows


def made_values(fields: Sequence[MetadataField], count: int) -> NDArray[np.float32]:
    """The same as a network takes it, float32 [count, fields]."""
    rows = made_metadata(fields, count)
    return np.stack([tell(fields, said, where=f"made row {at}").values for at, said in enumerate(rows)])


def in_words(field: MetadataField) -> str:
    """A field for a person: "age (years)", "sex (F, M)".

    Example:
        >>> in_words(MetadataField(name="sex", kind="category", categories=("F", "M")))
        'sex (F, M)'
    """
    said = ", ".join(field.categories) if field.categories else field.unit
    return f"{field.name} ({said})" if said else field.name


def _value(field: MetadataField, said: object, *, where: str) -> float:
    """A number, or the place of a category; NaN where it is not known."""
    if said is None or (isinstance(said, str) and not is_stated(said)):
        return math.nan
    if isinstance(said, str):
        return _place(field, said) if field.kind == "category" else _number_in(field, said, where=where)
    if isinstance(said, bool | np.bool_) or not isinstance(said, int | float | np.integer | np.floating):
        raise _unfit(field, type(said).__name__, where=where)
    if isinstance(said, float | np.floating) and math.isnan(said):
        return math.nan
    return _place(field, str(said)) if field.kind == "category" else _checked(field, said, where=where)


def _number_in(field: MetadataField, text: str, *, where: str) -> float:
    number = parse_cell(field, text)
    if isinstance(number, float):
        return _checked(field, number, where=where)
    if _is_number(text):  # an age that nobody has
        return math.nan
    raise _unfit(field, "a text that is none", where=where)


def _checked(field: MetadataField, number: float | np.integer | np.floating, *, where: str) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if abs(value) > LARGEST:
        raise _unfit(field, "one that no float32 holds", where=where)
    return math.nan if field.name == "age" and parse_age(f"{value:.4f}") is None else value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _place(field: MetadataField, said: str) -> float:
    wanted = (parse_sex(said) or said.strip()) if field.name == "sex" else said.strip()
    for known in (field.categories, tuple(name.casefold() for name in field.categories)):
        if wanted in known:
            return float(known.index(wanted))
        wanted = wanted.casefold()
    return math.nan


def _unfit(field: MetadataField, got: str, *, where: str) -> UsageError:
    kind = "a number" if field.kind == "number" else "a text"
    return UsageError(
        f"'{field.name}': expected {kind}, got {got}", where=where, todo="leave it out where it is not known"
    )
