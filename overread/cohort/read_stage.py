"""The stages of an ingest: reading and measuring every input, and taking its bytes into the cohort."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from overread.cohort.schema import IMAGE_SCHEMA
from overread.engine import REJECT_DETAIL, REJECT_FIELDS, REJECT_REASON
from overread.errors import CohortError, DecodeError
from overread.imaging.decode import decode, sniff
from overread.imaging.files import read_file
from overread.imaging.fingerprint import FINGERPRINT_BYTES, fingerprint
from overread.imaging.limits import DecodeLimits
from overread.imaging.measure import MEASURE_FIELDS, measure

FILE_FIELD = pa.field("file", pa.binary(), nullable=False)
"""A path below the source as the system spells it, which need not be UTF-8."""
_LIMITS = DecodeLimits()

MEASURED_FIELDS: tuple[pa.Field, ...] = (
    pa.field("pixel_sha256", pa.string()),
    pa.field("fingerprint", pa.binary(FINGERPRINT_BYTES)),
    pa.field("file_bytes", pa.int64()),
    *MEASURE_FIELDS,
)
"""What is measured of an image once it is decoded; `pixel_sha256` covers height, width and the pixels as RGB,
and `fingerprint` is what near-duplicates are found by."""


class ReadStage:
    """Reads, decodes and measures files; yields what is known of them then, without their bytes.

    Args:
        root: The source folder.
        limits: What is refused as too large.
    """

    schema: pa.Schema = pa.schema(
        [
            pa.field("image_id", pa.string()),
            pa.field("media_type", pa.string()),
            pa.field("width", pa.int32()),
            pa.field("height", pa.int32()),
            pa.field("sha256", pa.string()),
            *MEASURED_FIELDS,
            *REJECT_FIELDS,
        ]
    )

    def __init__(self, root: Path, *, limits: DecodeLimits = _LIMITS) -> None:
        self._root, self._limits = root, limits

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Read files: columns `image_id` and `file`."""
        for batch in batches:
            rows = [self._read(row) for row in batch.select(["image_id", "file"]).to_pylist()]
            yield pa.RecordBatch.from_pylist(rows, schema=self.schema)

    def _read(self, row: dict[str, Any]) -> dict[str, Any]:
        known: dict[str, Any] = {"image_id": row["image_id"]}
        try:
            content = read_file(self._root / os.fsdecode(row["file"]), limits=self._limits)
            pixels = decode(content, limits=self._limits)
        except DecodeError as error:
            detail = error.what + (f"; {error.todo}" if error.todo else "")
            return known | {REJECT_REASON: error.reason, REJECT_DETAIL: detail}
        height, width = pixels.shape[:2]
        known |= {"media_type": sniff(content), "width": width, "height": height}
        known |= {"sha256": hashlib.sha256(content).hexdigest(), "pixel_sha256": pixel_hash(pixels)}
        known |= {"fingerprint": fingerprint(pixels), "file_bytes": len(content)}
        return known | measure(content, pixels)


class EmbedStage:
    """Completes rows to those of a cohort, with the bytes of their files or without.

    Args:
        root: The source folder.
        embed: Whether the bytes are taken in.
    """

    schema: pa.Schema = IMAGE_SCHEMA

    def __init__(self, root: Path, *, embed: bool) -> None:
        self._root, self._embed = root, embed

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Complete rows: the columns of a cohort without `content`, and `file`.

        Raises:
            CohortError: A file is not what it was when it was read first.
        """
        for batch in batches:
            contents = [self._content(row) for row in batch.select(["uri", "file", "sha256"]).to_pylist()]
            columns = {name: batch.column(name) for name in batch.schema.names}
            columns["content"] = pa.array(contents, pa.binary())
            yield pa.RecordBatch.from_arrays(
                [columns[field.name] for field in self.schema], schema=self.schema
            )

    def _content(self, row: dict[str, Any]) -> bytes | None:
        if not self._embed:
            return None
        try:
            content = read_file(self._root / os.fsdecode(row["file"]), limits=_LIMITS)
        except DecodeError:
            content = b""
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise CohortError(
                "the file changed while it was being read",
                where=f"image {row['uri']!r}",
                todo="run the same command again once the source is at rest",
            )
        return content


def pixel_hash(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 of an image's size and pixels: equal for files that show exactly the same.

    Args:
        pixels: uint8 [height, width, 3].
    """
    digest = hashlib.sha256(np.array(pixels.shape[:2], "<u4").tobytes())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
