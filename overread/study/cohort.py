"""The cohort of a study: what its source holds, in the study's own folder."""

from __future__ import annotations

from pathlib import Path

from overread.cohort import Cohort, ingest
from overread.engine import Engine
from overread.progress import Progress
from overread.study.settings import Study


def cohort_of(study: Study, out: Path, *, engine: Engine, progress: Progress) -> Cohort:
    """Make `out`/cohort as the study says, or take it where it is whole already.

    Raises:
        CohortError: It cannot be made.
    """
    out.mkdir(parents=True, exist_ok=True)
    return ingest(
        study.source, out / "cohort", settings=study.ingest_settings(), engine=engine, progress=progress
    )
