"""Small made cohorts for the page, with as much or as little known of them as a test asks for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from overread.cohort import CohortCard
from overread.cohort.flow import flow_of
from overread.cohort.schema import IMAGE_SCHEMA, REJECT_SCHEMA, SPLITS
from overread.exploration.subject import Subject

CLASSES = {
    "binary": ("malignant",),
    "multiclass": ("mel", "nv", "bcc"),
    "multilabel": ("Mass", "Edema", "Hernia"),
}
MEASURED = pa.schema(
    [
        pa.field("image_id", pa.string()),
        pa.field("pixel_sha256", pa.string()),
        pa.field("file_bytes", pa.int64()),
        pa.field("jpeg_quality", pa.float32()),
        pa.field("border_spread", pa.float32()),
        pa.field("brightness_mean", pa.float32()),
        pa.field("brightness_spread", pa.float32()),
        pa.field("dark_share", pa.float32()),
        pa.field("bright_share", pa.float32()),
        pa.field("colourfulness", pa.float32()),
        pa.field("grey", pa.bool_()),
    ]
)
DUPLICATES = pa.schema(
    [
        pa.field("first", pa.string()),
        pa.field("second", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("similarity", pa.float32()),
        pa.field("how", pa.string()),
    ]
)


def picture(seed: int, *, side: int = 24) -> bytes:
    """A small JPEG, another one for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side + 6, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG")
    return buffer.getvalue()


def image_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as a cohort's table without `content`; what a row does not say is null, but its patient."""
    schema = pa.schema([field.with_nullable(True) for field in IMAGE_SCHEMA if field.name != "content"])
    return pa.Table.from_pylist(
        [{"patient_id": row["image_id"], "uri": f"{row['image_id']}.jpg", **row} for row in rows],
        schema=schema,
    )


def make_rows(
    task: str = "binary", *, n: int = 60, classes: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Images of two a patient; splits by patient, ages, sexes and such, some of them missing."""
    rng = np.random.default_rng(5)
    classes = classes or CLASSES[task]
    rows = []
    for at in range(n):
        if task == "multilabel":
            target = (rng.random(len(classes)) < 0.3).astype(float).tolist()
        elif task == "multiclass":
            target = np.eye(len(classes))[at // 2 % len(classes)].tolist()
        else:
            target = [float(at // 2 % 2)]
        rows.append(
            {
                "image_id": f"img-{at:03d}",
                "patient_id": f"secret-{at // 2:03d}",
                "target": target,
                "split": SPLITS[(at // 2) % 5 % 3],
                "age": float(rng.integers(20, 80)) if at % 6 else None,
                "sex": ("F", "M", None)[at % 3],
                "source": "clinic A" if target[0] else "clinic B",
                "site": f"place {at % 20:02d}",
                "date": f"{2010 + at % 9}-05",
            }
        )
    return rows


def make_subject(
    task: str = "binary",
    *,
    rows: list[dict[str, Any]] | None = None,
    classes: Sequence[str] | None = None,
    images: bool = True,
    rejects: Sequence[tuple[str, str, str]] = (),
    duplicates: Sequence[tuple[str, str, str, float, str]] = (),
    **said: Any,
) -> Subject:
    """A subject of made rows; `said` overrules what its card says."""
    classes = tuple(classes or CLASSES[task])
    rows = make_rows(task, classes=classes) if rows is None else rows
    if images:
        for at, row in enumerate(rows):
            row |= {"width": 30 + at % 12, "height": 24, "media_type": "image/jpeg", "sha256": f"{at:064d}"}
    table = image_table(rows)
    negative = "benign" if task == "binary" else ""
    reasons = {reason: sum(one[1] == reason for one in rejects) for reason in {one[1] for one in rejects}}
    names = [*classes, *([negative] if negative else [])]
    counts = {
        split: {
            name: sum(row["split"] == split and _has(row, k, len(classes)) for row in rows)
            for k, name in enumerate(names)
        }
        for split in SPLITS
    }
    card = {
        "name": "made",
        "task": task,
        "classes": classes,
        "negative": negative,
        "source": "a folder",
        "licence": "",
        "patient_known": True,
        "found": len(rows) + len(rejects),
        "read": len(rows),
        "rejected": len(rejects),
        "ignored": 0,
        "repeated": 0,
        "images": len(rows),
        "patients": len({row.get("patient_id", row["image_id"]) for row in rows}),
        "groups": len({row["group_id"] for row in rows if row.get("group_id")}),
        "identical": 0,
        "counts": counts,
        "split_counts": {split: sum(row["split"] == split for row in rows) for split in SPLITS},
        "split_given": False,
        "split_by": "patient",
        "leakage": (),
        "accepted_leakage": (),
        "near_duplicates": 0 if images else None,
        "flow": flow_of(len(rows) + len(rejects), [(reason, None) for _, reason, _ in rejects]),
        "reject_reasons": reasons,
        "columns": {},
        "map": {},
        "seed": 0,
        "embedded": True,
        "content_hash": "ab" * 32,
    }
    ids = table["image_id"].to_pylist()
    return Subject(
        card=CohortCard.model_validate(card | said),
        table=table,
        rejects=pa.Table.from_pylist(
            [dict(zip(REJECT_SCHEMA.names, one, strict=True)) for one in rejects], schema=REJECT_SCHEMA
        ),
        measurements=_measured(ids) if images else None,
        duplicates=pa.Table.from_pylist(
            [dict(zip(DUPLICATES.names, one, strict=True)) for one in duplicates], schema=DUPLICATES
        )
        if images
        else None,
        images_of=(lambda wanted: {one: picture(ids.index(one)) for one in wanted}) if images else None,
    )


def _has(row: dict[str, Any], at: int, classes: int) -> bool:
    target = row["target"] or []
    return target[at : at + 1] == [1.0] if at < classes else target == [0.0]


def _measured(ids: Sequence[str]) -> pa.Table:
    rows = [
        {
            "image_id": one,
            "file_bytes": 1000 + at,
            "brightness_mean": float(at),
            "brightness_spread": 40.0 + at % 7,
            "dark_share": 0.1,
            "bright_share": 0.0,
            "border_spread": 3.0,
            "colourfulness": 20.0,
            "grey": False,
        }
        for at, one in enumerate(ids)
    ]
    return pa.Table.from_pylist(rows, schema=MEASURED).sort_by("image_id")
