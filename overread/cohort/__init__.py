"""The cohort: a table of images, made from folders and tables without losing an input."""

from __future__ import annotations

from overread.cohort.augment import augment
from overread.cohort.card import CohortCard
from overread.cohort.cohort import Cohort
from overread.cohort.ingest import ingest
from overread.cohort.schema import IMAGE_SCHEMA, REJECT_SCHEMA, SPLITS
from overread.cohort.settings import IngestSettings, SplitShares

__all__ = [
    "IMAGE_SCHEMA",
    "REJECT_SCHEMA",
    "SPLITS",
    "Cohort",
    "CohortCard",
    "IngestSettings",
    "SplitShares",
    "augment",
    "ingest",
]
