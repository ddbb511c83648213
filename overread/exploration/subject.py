"""What can be explored: a cohort with its images, or a table whose images are elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from overread.cohort import IMAGE_SCHEMA, Cohort, CohortCard

Contents = Callable[[Sequence[str]], dict[str, bytes]]


@dataclass(frozen=True)
class Subject:
    """A cohort in memory, but for its images' bytes.

    Attributes:
        card: The cohort in figures: name, task, classes, counts, flow, leakage. Of an augmented cohort those
            of the images alone, and how copies were added.
        table: One row an image, `IMAGE_SCHEMA` without `content`; where there are no images, `width`,
            `height`, `sha256` and `media_type` are null.
        rejects: Inputs that could not be used: uri, reason, detail.
        measurements: One row an image, sorted by image_id (`overread.imaging.measure.MEASURE_FIELDS` among
            its columns); None without images.
        duplicates: Pairs of images that show the same: first, second, kind, similarity, how; None without
            images.
        images_of: Image ids → their encoded files; None without images.
        notes: Sentences for the reader of the page.
    """

    card: CohortCard
    table: pa.Table
    rejects: pa.Table
    measurements: pa.Table | None = None
    duplicates: pa.Table | None = None
    images_of: Contents | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of_cohort(cls, cohort: Cohort, *, notes: Sequence[str] = ()) -> Subject:
        """Everything that a cohort on disk says of its images; copies of an augmented cohort are left out.

        Raises:
            CohortError: One of its files is missing or damaged.
        """
        return cls(
            card=cohort.card.without_copies,
            table=cohort.table([name for name in IMAGE_SCHEMA.names if name != "content"], copies=False),
            rejects=cohort.rejects(),
            measurements=cohort.measurements(),
            duplicates=cohort.duplicates(),
            images_of=cohort.images_of,
            notes=tuple(notes),
        )
