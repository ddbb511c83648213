"""What a layout is, and what layouts made of tables share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from overread.cohort.candidates import Candidate, Listing
from overread.cohort.listing import list_files
from overread.cohort.settings import IngestSettings, Role
from overread.cohort.table_layout import Images, list_rows
from overread.cohort.tables import TextTable, is_table
from overread.errors import CohortError


@runtime_checkable
class Layout(Protocol):
    """One way in which a source holds its images and what is said of them.

    Attributes:
        name: What `layout = "…"` calls it; lower case.
        title: What it is, for a person.
    """

    name: str
    title: str

    def fits(self, source: Path) -> bool:
        """Whether a source looks like this layout; opens no image, and never raises."""
        ...

    def list(
        self, source: Path, *, settings: IngestSettings, exclude: Path | None, images: Images
    ) -> Listing:
        """All inputs of the source with what it says of them; opens no image.

        Args:
            source: A folder, or a file in one.
            settings: Columns, rules and the table where the user named one.
            exclude: A folder that is no part of the source: where the cohort is being written.
            images: `optional`: a table without a single image file is listed as it is.

        Raises:
            CohortError: The source is not of this layout, or is damaged.
        """
        ...


def without_columns(
    name: str, candidates: Iterable[Candidate], settings: IngestSettings, *, where: str
) -> list[Candidate]:
    """The candidates of a layout that has no table: of all columns only `split = ""` means something to it.

    Raises:
        CohortError: The settings name a table or a column.
    """
    if settings.table is not None or any(settings.columns.values()):
        raise CohortError(
            f"the {name} layout has no table and no columns, but the settings name some",
            where=where,
            todo='leave them out, or set layout = "table"',
        )
    given = "split" not in settings.columns
    return [one if given else replace(one, split=None) for one in candidates]


def source_root(source: Path) -> Path:
    """The folder below which a listing's files lie: the source, or the folder of a source that is a file."""
    return source.parent if source.is_file() else source


def named_table(source: Path, settings: IngestSettings) -> Path | None:
    """The table that the user named: in the settings, or as the source itself.

    Raises:
        CohortError: Both, and they differ.
    """
    if not source.is_file() or not is_table(source):
        return settings.table
    if settings.table is not None and settings.table.absolute() != source.absolute():
        raise CohortError(
            f"is a table itself, but the settings name another, '{settings.table}'",
            where=f"source '{source}'",
            todo="name the folder as source, or leave table out",
        )
    return source


def files_in(source: Path, *, below: str = "") -> Iterator[Path]:
    """Files in a folder and in those sub-folders that a word names, sorted; none where it is closed.

    Args:
        source: A folder, or a file, which is then the only one.
        below: Words with "|" between them, in lower case; "" for no sub-folder.
    """
    if source.is_file():
        yield source
        return
    try:
        entries = sorted(source.iterdir())
        for path in entries:
            if path.name.startswith("."):
                continue
            if path.is_file():
                yield path
            elif below and any(word in path.name.lower() for word in below.split("|")) and path.is_dir():
                yield from (one for one in sorted(path.iterdir()) if one.is_file())
    except OSError:
        return


def list_table(
    table: TextTable,
    source: Path,
    *,
    usual: Mapping[Role, str],
    settings: IngestSettings,
    exclude: Path | None,
    images: Images,
) -> Listing:
    """Join a layout's table with the files below the source.

    Args:
        table: The table.
        source: The source.
        usual: Role → column where the layout has it; what the user named goes before.
        settings: Columns and rules.
        exclude: A folder that is no part of the source.
        images: See `Layout.list`.

    Raises:
        CohortError: See `overread.cohort.table_layout.list_rows`.
    """
    root = source_root(source)
    columns = {role: name for role, name in usual.items() if name in table.columns}
    said = settings.model_copy(update={"columns": columns | settings.columns})
    return list_rows(list_files(root, exclude=exclude), table, source=root, settings=said, images=images)
