"""The stages of an ingest: reading every input to its last pixel, and taking its bytes into the cohort."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from overread.cohort.schema import IMAGE_SCHEMA
from overread.engine import REJECT_DETAIL, REJECT_FIELDS, REJECT_REASON
from overread.errors import CohortError, DecodeError
from overread.imaging.decode import decode, sniff
from overread.imaging.limits import DecodeLimits

FILE_FIELD = pa.field("file", pa.binary(), nullable=False)
"""A path below the source as the system spells it, which need not be UTF-8."""
_LIMITS = DecodeLimits()


class ReadStage:
    """Reads and decodes files; yields what is known of them then, without their bytes.

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
        return known | {"sha256": hashlib.sha256(content).hexdigest()}


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


def read_file(path: Path, *, limits: DecodeLimits) -> bytes:
    """The bytes of a regular file.

    Raises:
        DecodeError: `missing-file`, `unreadable-file` or `too-large`.
    """
    try:
        # Not blocking, since a pipe that is called a.jpg would keep us waiting for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as handle:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DecodeError(
                    "unreadable-file",
                    "expected a file, got a pipe or a device",
                    todo="put the image in its place",
                )
            if status.st_size > limits.max_bytes:
                raise DecodeError(
                    "too-large",
                    f"expected at most {limits.max_bytes} bytes, got {status.st_size}",
                    todo="export the image smaller",
                )
            return handle.read()
    except FileNotFoundError as error:
        raise DecodeError("missing-file", "there is no such file", todo="bring it or leave it out") from error
    except OSError as error:
        raise DecodeError(
            "unreadable-file",
            f"could not be opened: {error.strerror or error}",
            todo="check its rights and the disk",
        ) from error
