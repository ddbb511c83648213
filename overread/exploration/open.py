"""Whatever a user points at, as something that can be explored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

from overread.cohort import Cohort, IngestSettings, ingest
from overread.cohort.cohort import CARD
from overread.cohort.layouts import list_source
from overread.cohort.register import register
from overread.cohort.settings import LeakKind
from overread.engine import Engine
from overread.exploration.subject import Subject
from overread.progress import SILENT, Progress


def open_subject(
    source: Path,
    *,
    settings: IngestSettings,
    work: Path,
    engine: Engine,
    progress: Progress = SILENT,
) -> Subject:
    """Open a cohort, or make one of a source for this purpose.

    Args:
        source: A cohort's folder, a folder of images, a table or an archive of arrays. A table whose images
            are elsewhere is explored without them.
        settings: How a source becomes a cohort; not asked where there is one already.
        work: Folder for a cohort that is made on the way; its images are only pointed at where they can be.
        engine: Where images are read.
        progress: Who listens.

    Raises:
        CohortError: The source cannot become a cohort. Leakage stops nothing here: the page shows it.
        EngineError: See `ingest`.
    """
    if (source / CARD).is_file():
        return Subject.of_cohort(Cohort.load(source))
    listing = list_source(source, None, settings=settings, images="optional")
    there = any(one.file is not None and one.reason is None for one in listing.candidates)
    if not there and any(one.reason is None for one in listing.candidates):
        card, assembly = register(listing, source=source, settings=settings)
        return Subject(
            card=card,
            table=assembly.rows.drop_columns(["file"]),
            rejects=assembly.rejects,
            notes=listing.notes,
        )
    showing = settings.model_copy(update={"embed": False, "accept_leakage": tuple(get_args(LeakKind))})
    cohort = ingest(source, work, settings=showing, engine=engine, listing=listing, progress=progress)
    subject = Subject.of_cohort(cohort, notes=listing.notes)
    # That nothing stops here does not mean that the user accepts it.
    said = subject.card.model_copy(update={"accepted_leakage": settings.accept_leakage})
    return replace(subject, card=said)
