"""One sub-folder a class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from overread.cohort.candidates import Listing
from overread.cohort.layouts.layout import without_columns
from overread.cohort.listing import list_classes, list_files
from overread.cohort.rules import clean
from overread.cohort.settings import IngestSettings
from overread.cohort.table_layout import Images


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
        where = f"source '{source}'"
        listing = list_classes(list_files(source, exclude=exclude))
        files = without_columns(self.name, listing.candidates, settings, where=where)
        candidates, notes = clean(files, settings, where=where)
        return replace(listing, candidates=tuple(candidates), notes=(*listing.notes, *notes))
