"""A cohort of a table alone: who is in it, how it would be divided, and not one image opened."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from overread.cohort.assemble import Assembly, assemble
from overread.cohort.candidates import Listing, image_ids
from overread.cohort.card import CohortCard
from overread.cohort.describe import card_of
from overread.cohort.labels import choose_labelling
from overread.cohort.read_stage import ReadStage
from overread.cohort.settings import IngestSettings


def register(listing: Listing, *, source: Path, settings: IngestSettings) -> tuple[CohortCard, Assembly]:
    """What an ingest of these inputs would come to if every image could be read.

    Leakage is reported in the card and stops nothing.

    Args:
        listing: From `list_source(..., images="optional")`.
        source: For messages.
        settings: How the table becomes a cohort.

    Raises:
        CohortError: The labels, or the classes' sizes, allow no cohort.
    """
    opened = [one for one in listing.candidates if one.reason is None]
    labels = [one.label for one in opened if one.label is not None]
    labelling = choose_labelling(labels, settings, where=f"source '{source}'", usual=listing.task)
    schema = ReadStage.schema
    columns = {field.name: pa.nulls(len(opened), field.type) for field in schema}
    columns["image_id"] = pa.array(image_ids([one.uri for one in opened]), pa.string())
    assembly = assemble(
        listing,
        opened,
        pa.table(columns, schema=schema),
        labelling=labelling,
        settings=settings,
        source=source,
    )
    return card_of(listing, assembly, source=source, settings=settings, embedded=False), assembly
