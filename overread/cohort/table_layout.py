"""The layout of images beside a table: each row finds its file, each file its row."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from overread.cohort.candidates import Candidate, Listing, readable, without_suffix
from overread.cohort.columns import (
    find_columns,
    is_stated,
    parse_age,
    parse_label,
    parse_sex,
    parse_split,
    parse_text,
)
from overread.cohort.listing import LISTED_SUFFIXES, Files, with_unreadable
from overread.cohort.settings import IngestSettings, Role
from overread.cohort.tables import TABLE_SUFFIXES, TextTable, read_table
from overread.errors import CohortError

_FIRST_CHOICES = ("labels", "metadata")


def find_table(source: Path, settings: IngestSettings) -> TextTable | None:
    """The table in a source folder that has an image and a label column.

    Raises:
        CohortError: There are several, and none is called labels or metadata.
    """
    fitting = []
    for path in sorted(source.iterdir()):
        if path.suffix.lower() not in TABLE_SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        try:
            table = read_table(path)
            found = find_columns(table.columns, settings.columns, where=f"table '{path}'")
        except CohortError:
            if path.stem.lower() in _FIRST_CHOICES:
                raise
            continue  # any other file in the folder may be something else entirely
        if "image" in found and "label" in found:
            fitting.append(table)
    for name in _FIRST_CHOICES:
        named = [table for table in fitting if table.path.stem.lower() == name]
        if len(named) == 1:
            return named[0]
    if len(fitting) > 1:
        names = ", ".join(table.path.name for table in fitting)
        raise CohortError(
            f"several tables have an image and a label column: {names}",
            where=f"source '{source}'",
            todo="say which with table = ...",
        )
    return fitting[0] if fitting else None


def list_rows(files: Files, table: TextTable, *, source: Path, settings: IngestSettings) -> Listing:
    """Join a table with the files of its folder; what does not join becomes a reject, never nothing.

    Raises:
        CohortError: A column is missing, no row finds its file, or a split is called by no known name.
    """
    where = f"table '{table.path}'"
    found = find_columns(table.columns, settings.columns, where=where)
    for role in ("image", "label"):
        if role not in found:
            raise CohortError(
                f"no column for the {role} was found among {', '.join(filter(None, table.columns))}",
                where=where,
                todo=f'say which with columns.{role} = "NAME"',
            )
    needed = _needed_columns(table, found, settings.drop_missing, where=where)
    cells = {role: table.column(name) for role, name in found.items()}
    split_given = any(parse_split(cell) for cell in cells.get("split", ()))
    index = FileIndex(files.images, source=source)
    rows: list[tuple[str, Candidate]] = []
    for at in range(len(table.rows)):
        of_row = {role: column[at] for role, column in cells.items()}
        matches = index.find(of_row["image"])
        candidate = _from_cells(of_row, where=f"{where}, row {at + 1}")
        if len(matches) == 1:
            candidate = replace(candidate, uri=readable(matches[0]), file=matches[0])
        elif not of_row["image"]:
            candidate = _reject(
                candidate, f"{table.path.name}, row {at + 1}", "incomplete-row", "names no image"
            )
        else:
            candidate = _reject(candidate, of_row["image"], "missing-file", _no_file(matches))
        empty = [name for name, (role, column) in needed.items() if _is_missing(role, column[at])]
        if empty and candidate.reason is None:
            detail = f"its row says nothing in the column {', '.join(empty)}"
            candidate = _reject(candidate, candidate.uri, "incomplete-row", detail)
        if candidate.reason is None and split_given and candidate.split is None:
            candidate = _reject(
                candidate, candidate.uri, "incomplete-row", "its row names no split, others do"
            )
        if candidate.reason is None and candidate.label is None:
            candidate = _reject(candidate, candidate.uri, "no-label", "its row in the table has no label")
        rows.append((candidate.file or "\0" + candidate.uri, candidate))
    if rows and all(candidate.reason == "missing-file" for _, candidate in rows):
        raise CohortError(
            f"none of its {len(rows)} rows names a file of '{source}', the first is {rows[0][1].uri!r}",
            where=where,
            todo="name the images' folder as source, or the right column with columns.image",
        )
    candidates, repeated = _merge(rows)
    named = {candidate.file for candidate in candidates}
    unnamed = [
        Candidate(readable(path), path, reason="no-label", detail=f"no row of {table.path.name} names it")
        for path in files.images
        if path not in named
    ]
    return with_unreadable([*candidates, *unnamed], files, repeated=repeated)


class FileIndex:
    """Finds the file that a table's cell means: with or without folder and suffix.

    Args:
        files: Paths below the source.
        source: The folder; cells may hold absolute paths into it.
    """

    def __init__(self, files: Sequence[str], *, source: Path) -> None:
        self._source = str(source.absolute())
        self._by_name: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._by_stem: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for file in files:
            path = unicodedata.normalize("NFC", readable(file))
            name = path.rpartition("/")[2]
            self._by_name[name].append((path, file))
            self._by_stem[without_suffix(name)].append((without_suffix(path), file))

    def find(self, cell: str) -> list[str]:
        """The files that a cell can mean: one in the best case; the exact path is preferred to a likeness."""
        said = unicodedata.normalize("NFC", cell.strip().replace("\\", "/"))
        if said.startswith(self._source + "/"):
            said = said[len(self._source) + 1 :]
        said = said.removeprefix("./")
        name = said.rpartition("/")[2]
        # A bare id may hold dots: only a known ending is taken for a suffix.
        known = "." + name.rpartition(".")[2].lower() in LISTED_SUFFIXES
        stem = without_suffix(said) if known else said
        for wanted, near in (
            (said, self._by_name.get(name, ())),
            (said, self._by_stem.get(name, ())),
            (stem, self._by_stem.get(stem.rpartition("/")[2], ())),
        ):
            exact = [file for path, file in near if path == wanted]
            alike = [file for path, file in near if _ends(path, wanted) or _ends(wanted, path)]
            if exact or alike:
                return sorted(exact or alike)
        return []


@dataclass(frozen=True)
class _Said:
    """What rows of one file must agree on."""

    label: str | None
    patient: str | None
    group: str | None
    split: str | None


def _merge(rows: list[tuple[str, Candidate]]) -> tuple[list[Candidate], int]:
    """One candidate a file; rows that contradict each other reject it."""
    by_file: dict[str, list[Candidate]] = defaultdict(list)
    for file, candidate in rows:
        by_file[file].append(candidate)
    merged = []
    for same in by_file.values():
        first = min(same, key=lambda one: one.reason is not None)
        said = {_Said(one.label, one.patient, one.group, one.split) for one in same}
        if len(said) > 1 and first.reason is None:
            about = next(
                name
                for name in ("label", "patient", "group", "split")
                if len({getattr(s, name) for s in said}) > 1
            )
            detail = f"{len(same)} rows of the table name it, and they differ in the {about}"
            first = _reject(first, first.uri, "conflicting-label", detail)
        merged.append(first)
    return merged, len(rows) - len(merged)


def _needed_columns(
    table: TextTable, found: dict[Role, str], wanted: Sequence[str], *, where: str
) -> dict[str, tuple[str | None, list[str]]]:
    """Column name → (role, cells) of what drop_missing asks for by role or by column name."""
    roles = {name: role for role, name in found.items()}
    needed: dict[str, tuple[str | None, list[str]]] = {}
    for said in wanted:
        name = said if said in table.columns else found.get(said)  # type: ignore[call-overload]
        if name is None:
            raise CohortError(
                f"has no column {said!r}, which drop_missing names",
                where=where,
                todo=f"it has {', '.join(filter(None, table.columns))}",
            )
        needed[name] = (roles.get(name), table.column(name))
    return needed


def _is_missing(role: str | None, cell: str) -> bool:
    if role == "age":
        return parse_age(cell) is None
    if role == "sex":
        return parse_sex(cell) is None
    return not is_stated(cell)


def _from_cells(cells: dict[Role, str], *, where: str) -> Candidate:
    split = parse_split(cells.get("split", ""))
    if split is None and is_stated(cells.get("split", "")):
        raise CohortError(
            "the split column holds a word that names no split",
            where=where,
            todo='write train, tune (or val) or test, or leave the split to Overread with columns.split = ""',
        )
    return Candidate(
        uri="",
        label=parse_label(cells["label"]),
        patient=parse_text(cells.get("patient", "")),
        group=parse_text(cells.get("group", "")),
        split=split,
        age=parse_age(cells.get("age", "")),
        sex=parse_sex(cells.get("sex", "")),
        site=parse_text(cells.get("site", "")),
        view=parse_text(cells.get("view", "")),
        device=parse_text(cells.get("device", "")),
    )


def _reject(candidate: Candidate, uri: str, reason: Any, detail: str) -> Candidate:
    return replace(candidate, uri=uri, reason=reason, detail=detail)


def _no_file(matches: list[str]) -> str:
    if not matches:
        return "the table names it, but there is no such file below the source"
    one, other = readable(matches[0]), readable(matches[1])
    return f"the name fits {len(matches)} files, '{one}' and '{other}'; name the folder too"


def _ends(path: str, end: str) -> bool:
    return bool(end) and path.endswith("/" + end)
