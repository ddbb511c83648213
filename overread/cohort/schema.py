"""The columns of a cohort (docs: reference/cohort), and the hash that stands for its content."""

from __future__ import annotations

import hashlib
import struct
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from overread.engine import ORIGIN_FIELDS

SCHEMA_VERSION = 2

Split = Literal["train", "tune", "test"]
Task = Literal["binary", "multiclass", "multilabel"]

SPLITS: tuple[Split, ...] = get_args(Split)

IMAGE_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("group_id", pa.string()),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("content", pa.binary()),
        pa.field("media_type", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("target", pa.list_(pa.float32())),
        pa.field("split", pa.string(), nullable=False),
        pa.field("age", pa.float32()),
        pa.field("sex", pa.string()),
        pa.field("site", pa.string()),
        pa.field("view", pa.string()),
        pa.field("device", pa.string()),
        pa.field("source", pa.string()),
        pa.field("date", pa.string()),
    ]
)
"""One row an image. `sha256` is that of the encoded file in hexadecimal; `label` is the source's own word for
the class; `age` is in years; `sex` is F, M or null; `source` is the hospital or collection it came from;
`date` is when it was taken, yyyy-mm-dd or its beginning; `uri` is relative to the source where the cohort
embeds its images, and an absolute path where it only points at them."""

COPY_FIELDS: tuple[pa.Field, ...] = (*ORIGIN_FIELDS, pa.field("transform", pa.string()))
"""What an augmented cohort has besides: `origin_id` is the image that a row shows, its own id for an image;
`copy` 0 for an image, else 1, 2, …; `transform` what was done to the origin, in words that
`overread.imaging.variant.Variant.parse` understands, null for an image."""

AUGMENTED_SCHEMA: pa.Schema = pa.schema([*IMAGE_SCHEMA, *COPY_FIELDS])

REJECT_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""One row an input that could not be used: a reason of `overread.errors.RejectReason`, and a sentence."""

_UNHASHED = frozenset({"content", "uri"})
HASHED_COLUMNS: tuple[str, ...] = tuple(name for name in IMAGE_SCHEMA.names if name not in _UNHASHED)
"""What the content hash covers: all but the bytes, for which `sha256` stands, and where they came from."""


def content_hash(table: pa.Table) -> str:
    """SHA-256 over the cohort's rows, whatever their order.

    Args:
        table: Holds at least `HASHED_COLUMNS`; an augmented one `COPY_FIELDS` as well.

    Returns:
        64 hexadecimal digits, equal for equal cohorts on every machine.
    """
    table = table.take(pc.sort_indices(table, sort_keys=[("image_id", "ascending")]))
    digest = hashlib.sha256(f"overread cohort {SCHEMA_VERSION}\0{table.num_rows}".encode())
    copies = [field.name for field in COPY_FIELDS if field.name in table.column_names]
    for name in (*HASHED_COLUMNS, *copies):
        digest.update(f"\0{name}\0".encode())
        for value in table[name].to_pylist():
            digest.update(_bytes_of(value))
    return digest.hexdigest()


def _bytes_of(value: object) -> bytes:
    """A value as bytes that no other value has."""
    if value is None:
        return b"-"
    if isinstance(value, list):
        return b"[%d]" % len(value) + b"".join(map(_bytes_of, value))
    if isinstance(value, float):
        return b"f" + (struct.pack("<d", value) if value == value else b"nan")
    text = str(value).encode()
    return b"s%d:" % len(text) + text
