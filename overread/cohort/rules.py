"""Which rows a user wants left out, and what the flow diagram calls each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from overread.cohort.candidates import Candidate
from overread.cohort.columns import is_stated, parse_age, parse_sex, parse_split
from overread.cohort.dates import read_dates
from overread.cohort.labels import split_label
from overread.cohort.settings import IngestSettings, Role
from overread.errors import CohortError, RejectReason

Kind = Literal["drop_missing", "exclude", "only"]
_NAMED: tuple[Role, ...] = (
    *("label", "patient", "group", "split", "age", "sex", "site", "view", "device", "source", "date"),
)


@dataclass(frozen=True)
class Removal:
    """One rule, as the rows see it that it removes.

    Attributes:
        kind: Which setting made it.
        role: What its column says of an image; None for any other column.
        reason, detail, rule: See `overread.cohort.candidates.Candidate`.
    """

    kind: Kind
    role: Role | None
    reason: RejectReason
    detail: str
    rule: str

    def reject(self, candidate: Candidate) -> Candidate:
        """The candidate with this rule's reason."""
        return replace(candidate, reason=self.reason, detail=self.detail, rule=self.rule)


@dataclass(frozen=True)
class Outcome:
    """What all rules together do.

    Attributes:
        removals: One a row: the first rule that removes it, or None.
        notes: Sentences on rules, and values in them, that no row meets.
    """

    removals: tuple[Removal | None, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """What rules may ask for.

    Attributes:
        names: Of the table's columns; none where there is no table.
        roles: Role → column.
        cells: The cells of a column, one a row.
    """

    names: tuple[str, ...]
    roles: Mapping[Role, str]
    cells: Callable[[str], Sequence[str]]


def apply_rules(columns: Columns, settings: IngestSettings, *, rows: int, where: str) -> Outcome:
    """Ask each rule for each row: drop_missing in the order said, then exclude, then only.

    Values are compared as text, whatever their case; a cell that names several findings has each of them; an
    age, a sex or a split also matches by its meaning ("F" for "female", "80" for "80.0").

    Args:
        columns: What rules may ask for.
        settings: `drop_missing`, `exclude` and `only`.
        rows: How many there are.
        where: What a message calls the table.

    Raises:
        CohortError: A rule names a column that is not there, or no value.
    """
    removals: list[Removal | None] = [None] * rows
    notes: list[str] = []
    for kind, said, values in _said(settings):
        role, cells = _find(columns, kind, said, where=where)
        distinct = {cell: _words(role, cell) for cell in set(cells)}
        wanted = {value: _meaning(role, value) for value in values}
        if kind == "drop_missing":
            gone = {cell for cell in distinct if is_missing(role, cell)}
            step, detail = f"{said} not stated", f"its row says nothing in the column {said}"
        elif not wanted:
            raise CohortError(
                f"the rule {kind}.{said} names no value", where=where, todo=f'write {kind}.{said} = ["VALUE"]'
            )
        else:
            asked = set[str]().union(*wanted.values())
            met = {cell for cell, words in distinct.items() if words & asked}
            gone = met if kind == "exclude" else distinct.keys() - met
            step = f"{said} is {'not ' * (kind == 'only')}{_either(values)}"
            detail = f"its row is left out by a rule: {step}"
            there = set[str]().union(*distinct.values())
            notes += [
                f"the rule {kind}.{said} names {value!r}, which no row says"
                for value, words in wanted.items()
                if not words & there
            ]
        if not gone:
            notes.append(f"the rule '{step}' removes nothing")
            continue
        reason: RejectReason = "incomplete-row" if kind == "drop_missing" else "excluded"
        removal = Removal(kind, role, reason, detail, step)
        for at, cell in enumerate(cells):
            if cell in gone and removals[at] is None:
                removals[at] = removal
    return Outcome(tuple(removals), tuple(notes))


def clean(
    candidates: Iterable[Candidate], settings: IngestSettings, *, where: str
) -> tuple[list[Candidate], tuple[str, ...]]:
    """Apply the rules to inputs that no table describes, on the roles that any of them states.

    Returns:
        All candidates, and notes as in `Outcome`.

    Raises:
        CohortError: See `apply_rules`.
    """
    told = list(candidates)
    roles: dict[Role, str] = {
        role: role for role in _NAMED if any(getattr(one, role) is not None for one in told)
    }

    def cells(role: str) -> list[str]:
        return ["" if getattr(one, role) is None else str(getattr(one, role)) for one in told]

    outcome = apply_rules(Columns((), roles, cells), settings, rows=len(told), where=where)
    cleaned = [
        removal.reject(one) if removal is not None and one.reason is None else one
        for one, removal in zip(told, outcome.removals, strict=True)
    ]
    return cleaned, outcome.notes


def is_missing(role: Role | None, cell: str) -> bool:
    """Whether a cell says nothing that can be used in its role. Age 0 does."""
    if role == "age":
        return parse_age(cell) is None
    if role == "sex":
        return parse_sex(cell) is None
    if role == "date":
        return read_dates([cell]).unreadable > 0 or not is_stated(cell)
    return not is_stated(cell)


def _said(settings: IngestSettings) -> Iterable[tuple[Kind, str, tuple[str, ...]]]:
    for name in settings.drop_missing:
        yield "drop_missing", name, ()
    for name, values in settings.exclude.items():
        yield "exclude", name, values
    for name, values in settings.only.items():
        yield "only", name, values


def _find(columns: Columns, kind: Kind, said: str, *, where: str) -> tuple[Role | None, Sequence[str]]:
    """The role and the cells that a name means: a column's own name goes before a role's."""
    roles = {name: role for role, name in columns.roles.items()}
    name = said if said in columns.names else columns.roles.get(said)  # type: ignore[call-overload]
    if name is None and not columns.names:
        states = f"it states the {_either(sorted(columns.roles), 'and')}" if columns.roles else ""
        raise CohortError(
            f"{kind} names {said!r}, but the source has no table",
            where=where,
            todo=" and ".join(filter(None, [states, "leave it out, or bring a table"])),
        )
    if name is None:
        raise CohortError(
            f"has no column {said!r}, which {kind} names",
            where=where,
            todo=f"it has {', '.join(filter(None, columns.names))}",
        )
    return roles.get(name), columns.cells(name)


def _words(role: Role | None, cell: str) -> set[str]:
    """All that a cell can be called by in a rule."""
    findings = {_plain(part) for part in split_label(cell)} if role == "label" else set()
    return _meaning(role, cell) | findings


def _meaning(role: Role | None, text: str) -> set[str]:
    """A text, and what it means where its role knows several words for the same."""
    meant: object = None
    if role == "sex":
        meant = parse_sex(text)
    elif role == "split":
        meant = parse_split(text)
    elif role == "age":
        years = parse_age(text)
        meant = None if years is None else f"{years:g}"
    return {_plain(text)} if meant is None else {_plain(text), _plain(str(meant))}


def _plain(text: str) -> str:
    return text.strip().casefold()


def _either(values: Sequence[str], last: str = "or") -> str:
    """Values for a person.

    Example:
        >>> _either(["a", "b", ""])
        'a, b or empty'
    """
    shown = [value or "empty" for value in values]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"
