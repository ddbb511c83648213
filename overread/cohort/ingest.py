"""Sources to cohort."""

from __future__ import annotations

from pathlib import Path

from overread.cohort.cohort import Cohort
from overread.cohort.settings import IngestSettings
from overread.engine import LocalEngine
from overread.progress import SILENT, Progress


def ingest(
    source: Path, out: Path, *, settings: IngestSettings, engine: LocalEngine, progress: Progress = SILENT
) -> Cohort:
    """Make a cohort of a folder of images."""
    raise NotImplementedError
