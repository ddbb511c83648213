"""Images beside a table."""

from __future__ import annotations

from pathlib import Path

from overread.cohort.candidates import Listing
from overread.cohort.layouts.layout import list_table, named_table
from overread.cohort.settings import IngestSettings
from overread.cohort.table_layout import Images, find_table
from overread.cohort.tables import is_table, read_table
from overread.errors import CohortError


class TableLayout:
    """A table whose rows name the images, and whose columns have usual names or are named by the user."""

    name = "table"
    title = "images beside a table"

    def fits(self, source: Path) -> bool:
        """Whether the source is a table, or one with an image and a label column lies in it."""
        try:
            if source.is_file():
                return is_table(source)
            return find_table(source, IngestSettings()) is not None
        except (CohortError, OSError):
            return True  # there is a table, and listing it says what is wrong

    def list(
        self, source: Path, *, settings: IngestSettings, exclude: Path | None, images: Images
    ) -> Listing:
        """See `overread.cohort.layouts.Layout`."""
        named = named_table(source, settings)
        table = read_table(named) if named is not None else find_table(source, settings)
        if table is None:
            raise CohortError(
                "no table with an image and a label column was found",
                where=f"source '{source}'",
                todo="say which with table = ... and columns = {...}",
            )
        return list_table(table, source, usual={}, settings=settings, exclude=exclude, images=images)
