"""The layout of images beside a table: each row finds its file, each file its row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from overread.cohort.candidates import Candidate, Listing, readable
from overread.cohort.columns import find_columns
from overread.cohort.file_index import FileIndex
from overread.cohort.listing import Files, with_unreadable
from overread.cohort.rules import Columns, Removal, apply_rules
from overread.cohort.settings import IngestSettings
from overread.cohort.table_roles import Said, read_roles
from overread.cohort.tables import TextTable, is_table, peek_columns, read_table, table_stem
from overread.errors import CohortError, RejectReason

Images = Literal["required", "optional"]
"""Whether a table without a single image file is an error, or is listed as it is."""

_FIRST_CHOICES = ("labels", "metadata")
_AGREED = ("label", "patient", "group", "split")


def find_table(source: Path, settings: IngestSettings) -> TextTable | None:
    """The table in a source folder that has an image and a label column.

    Raises:
        CohortError: There are several, and none is called labels or metadata.
    """
    fitting = []
    for path in sorted(source.iterdir()):
        if not is_table(path) or path.name.startswith(".") or not path.is_file():
            continue
        first = table_stem(path).lower() in _FIRST_CHOICES
        try:
            header = peek_columns(path)
            if (
                header
                and not first
                and "image" not in find_columns(header, settings.columns, where=str(path))
            ):
                continue  # pixels of 10,000 images as text, say: not worth reading
            table = read_table(path)
            found = find_columns(table.columns, settings.columns, where=f"table '{path}'")
        except CohortError:
            if first:
                raise
            continue  # any other file in the folder may be something else entirely
        if "image" in found and "label" in found:
            fitting.append(table)
    for name in _FIRST_CHOICES:
        named = [table for table in fitting if table_stem(table.path).lower() == name]
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


def list_rows(
    files: Files,
    table: TextTable,
    *,
    source: Path,
    settings: IngestSettings,
    images: Images = "required",
) -> Listing:
    """Join a table with the files of its folder; what does not join becomes a reject, never nothing.

    Args:
        files: What lies in the folder.
        table: A row an image, or several that agree.
        source: The folder, for messages and for cells that hold absolute paths.
        settings: Columns and rules.
        images: `optional`: where the folder holds no image at all, rows are listed without a file.

    Raises:
        CohortError: A column is missing, no row finds its file, a split is called by no known name, or a rule
            names what is not there.
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
    said = read_roles(table, found, named=settings.columns.keys(), where=where)
    known = Columns(table.columns, said.columns, table.column)
    outcome = apply_rules(known, settings, rows=len(table.rows), where=where)
    index = None if images == "optional" and not files.images else FileIndex(files.images, source=source)
    rows = [
        _join(at, cell, index, said, removal, table=table.path.name)
        for at, (cell, removal) in enumerate(zip(table.column(found["image"]), outcome.removals, strict=True))
    ]
    if rows and all(row.candidate.reason == "missing-file" for row in rows):
        raise CohortError(
            f"none of its {len(rows)} rows names a file of '{source}', the first is "
            f"{rows[0].candidate.uri!r}",
            where=where,
            todo="name the images' folder as source, or the right column with columns.image",
        )
    candidates = _merge(rows)
    named = {candidate.file for candidate in candidates}
    unnamed = [
        Candidate(readable(path), path, reason="no-label", detail=f"no row of {table.path.name} names it")
        for path in files.images
        if path not in named
    ]
    listing = with_unreadable([*candidates, *unnamed], files, repeated=len(rows) - len(candidates))
    return replace(listing, columns=said.columns, notes=(*said.notes, *outcome.notes))


@dataclass(frozen=True)
class _Row:
    """What a row of the table became, and the rule that removed it."""

    candidate: Candidate
    removal: Removal | None = None


def _join(
    at: int, cell: str, index: FileIndex | None, said: Said, removal: Removal | None, *, table: str
) -> _Row:
    """Find the file of one row, and say why it cannot be used where that is so."""
    if not cell:
        uri = f"{table}, row {at + 1}"
        return _Row(said.candidate(at, uri, None, reason="incomplete-row", detail="names no image"))
    uri, file = cell, None
    if index is not None:
        matches = index.find(cell)
        if len(matches) != 1:
            return _Row(said.candidate(at, cell, None, reason="missing-file", detail=_no_file(matches)))
        uri, file = readable(matches[0]), matches[0]
    if removal is not None:
        why, detail, rule = removal.reason, removal.detail, removal.rule
        return _Row(said.candidate(at, uri, file, reason=why, detail=detail, rule=rule), removal)
    reason: RejectReason | None = None
    lacks = None
    if said.split_given and said.values["split"][at] is None:
        reason, lacks = "incomplete-row", "its row names no split, others do"
    elif said.values["label"][at] is None:
        reason, lacks = "no-label", "its row in the table has no label"
    return _Row(said.candidate(at, uri, file, reason=reason, detail=lacks))


def _merge(rows: Sequence[_Row]) -> list[Candidate]:
    """One candidate a file; rows that contradict each other reject it."""
    by_file: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        by_file[row.candidate.file or "\0" + row.candidate.uri].append(row)
    return [same[0].candidate if len(same) == 1 else _merge_one(same) for same in by_file.values()]


def _merge_one(same: Sequence[_Row]) -> Candidate:
    """One candidate of the rows that name one file.

    One row that is excluded takes the image with it: a finding to leave out may stand in a row of its own.
    `only` takes rows: of two readers' rows it keeps one; yet not where it asks for what rows must agree on.
    """
    for row in same:
        if row.removal is not None and row.removal.kind == "exclude":
            return row.candidate
    kept = [
        row.candidate
        for row in same
        if row.removal is None or row.removal.kind != "only" or row.removal.role in _AGREED
    ]
    first = min(kept or [same[0].candidate], key=lambda one: one.reason is not None)
    for about in _AGREED:
        if first.reason is None and len({getattr(one, about) for one in kept}) > 1:
            detail = f"{len(same)} rows of the table name it, and they differ in the {about}"
            return replace(first, reason="conflicting-label", detail=detail)
    return first


def _no_file(matches: Sequence[str]) -> str:
    if not matches:
        return "the table names it, but there is no such file below the source"
    one, other = readable(matches[0]), readable(matches[1])
    return f"the name fits {len(matches)} files, '{one}' and '{other}'; name the folder too"
