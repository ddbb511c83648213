"""Made subjects of an audit: rows as they would stand in a cohort, and what was measured of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from overread.cohort import CohortCard
from overread.cohort.schema import IMAGE_SCHEMA, Task
from overread.exploration.subject import Subject
from overread.imaging.measure import MEASURE_FIELDS

MEASUREMENTS = pa.schema(
    [pa.field("image_id", pa.string()), pa.field("file_bytes", pa.int64()), *MEASURE_FIELDS]
)


def subject(
    labels: Sequence[Any],
    *,
    task: Task = "binary",
    classes: Sequence[str] = ("sick",),
    negative: str = "well",
    patients: Sequence[str] | None = None,
    order: Sequence[int] | None = None,
    measured: Mapping[str, Sequence[Any]] | None = None,
    **columns: Sequence[Any],
) -> Subject:
    """A subject of n images with ids i0000, i0001, …; all else is null unless given.

    `labels`: 0, 1 or None (unlabelled) for a binary task, else rows of 0, 1 and NaN. `order` shuffles the
    rows of the table after that. `measured`: columns of the measurements, which there are none without.
    """
    count = len(labels)
    ids = [f"i{at:04d}" for at in range(count)]
    rows: dict[str, Sequence[Any]] = {
        name: [None] * count for name in IMAGE_SCHEMA.names if name != "content"
    }
    rows |= {
        "image_id": ids,
        "patient_id": patients or ids,
        "uri": [f"{one}.png" for one in ids],
        "target": [[one] if task == "binary" and one is not None else one for one in labels],
        **columns,
    }
    fields = [field.with_nullable(True) for field in IMAGE_SCHEMA if field.name != "content"]
    table = pa.table({name: list(values) for name, values in rows.items()}, schema=pa.schema(fields))
    measurements = None
    if measured is not None:
        rest = {name: [None] * count for name in MEASUREMENTS.names}
        measurements = pa.table(
            {name: list(values) for name, values in (rest | {"image_id": ids} | dict(measured)).items()},
            schema=MEASUREMENTS,
        )
    card = CohortCard.model_construct(
        name="made",
        task=task,
        classes=tuple(classes),
        negative=negative if task == "binary" else "",
        patient_known=patients is not None,
    )
    return Subject(
        card=card,
        table=table if order is None else table.take(pa.array(order)),
        rejects=pa.table({"uri": [], "reason": [], "detail": []}),
        measurements=measurements,
    )


def coin(count: int, *, seed: int = 0, share: float = 0.5) -> list[int]:
    """Labels by chance."""
    return [int(one) for one in np.random.default_rng([seed, 1]).random(count) < share]
