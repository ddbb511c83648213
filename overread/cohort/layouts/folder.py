"""One sub-folder a class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overread.cohort.candidates import Listing
from overread.cohort.listing import list_classes, list_files
from overread.cohort.rules import clean
from overread.cohort.settings import IngestSettings
from overread.cohort.table_layout import Images
from overread.errors import CohortError


class FolderLayout:
    """The folders that images lie in are their classes, also below train/, tune/ and test/."""

    name = "folder"
    title = "one sub-folder a class"

    def fits(self, source: Path) -> bool:
        """Any folder does."""
        return source.is_dir()

    def list(
        self, source: Path, *, settings: IngestSettings, exclude: Path | None, images: Images
    ) -> Listing:
        """See `overread.cohort.layouts.Layout`."""
        del images
        if settings.table is not None:
            raise CohortError(
                "the folder layout takes no table",
                where=f"table '{settings.table}'",
                todo='set layout = "table"',
            )
        if settings.columns:
            raise CohortError(
                "the folder layout has no columns, but the settings name some",
                where=f"source '{source}'",
                todo="leave them out, or bring a table",
            )
        listing = list_classes(list_files(source, exclude=exclude))
        candidates, notes = clean(listing.candidates, settings, where=f"source '{source}'")
        return replace(listing, candidates=tuple(candidates), notes=(*listing.notes, *notes))
