"""Reading as a stage: rows of images in, rows of readings out, on any engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from overread.bundle.read import Bundle
from overread.engine import REJECT_FIELDS
from overread.errors import BundleError, DecodeError
from overread.imaging import DecodeLimits

READING_SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string()),
        pa.field("uri", pa.string()),
        pa.field("score", pa.list_(pa.float32())),
        pa.field("decision", pa.string()),
        pa.field("operating_point", pa.string()),
        pa.field("novelty", pa.float32()),
        pa.field("bundle", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("metadata_missing", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("quality", pa.string()),
        *REJECT_FIELDS,
    ]
)


class PredictStage:
    """Reads every image of its batches with a bundle, which it opens once a worker.

    Rows need `image_id`, `uri` and `content`; where content is null (or the column is missing) the file
    at uri is read, or at `file` where its name is no UTF-8 (`overread.bundle.inputs`). What a bundle asks for
    beside the pixels stands in columns of the fields' names; where one is missing or null it is not known. A
    row that cannot be read comes back with its reason and nothing else.

    Args:
        bundle: The bundle's folder or zip.
        digest: That the bundle must have when it is opened; None for any.
        small: Read with network.small.onnx.
        limits: What one image may cost.
    """

    schema = READING_SCHEMA

    def __init__(
        self,
        bundle: Path,
        *,
        digest: str | None = None,
        small: bool = False,
        limits: DecodeLimits | None = None,
    ) -> None:
        self._small = small
        self._path, self._digest, self._limits = Path(bundle).absolute(), digest, limits
        self._bundle: Bundle | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_bundle": None}

    @property
    def files(self) -> tuple[Path, ...]:
        """The bundle, for engines on other machines."""
        return (self._path,)

    def with_files(self, files: tuple[Path, ...]) -> PredictStage:
        """The same stage with the bundle in another place."""
        return PredictStage(files[0], digest=self._digest, small=self._small, limits=self._limits)

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Read batch by batch.

        Raises:
            BundleError: The bundle cannot be opened, or was replaced since the run began.
        """
        bundle = self._open()
        for batch in batches:
            rows = [_read_row(bundle, batch, row) for row in range(batch.num_rows)]
            yield pa.RecordBatch.from_pylist(rows, schema=self.schema)

    def _open(self) -> Bundle:
        if self._bundle is None:
            bundle = Bundle.load(self._path, small=self._small, limits=self._limits)
            if self._digest not in {None, bundle.digest}:
                raise BundleError(
                    "was replaced while it was read with", where=f"bundle '{self._path}'", todo="run again"
                )
            self._bundle = bundle
        return self._bundle


def _read_row(bundle: Bundle, batch: pa.RecordBatch, row: int) -> dict[str, Any]:
    image_id, uri = (_cell(batch, name, row).as_py() for name in ("image_id", "uri"))
    content, file = (_cell(batch, name, row) for name in ("content", "file"))
    found = {"image_id": image_id, "uri": uri}
    fields = bundle.manifest.metadata
    known = {field.name: _cell(batch, field.name, row).as_py() for field in fields}
    try:
        if content.is_valid:
            reading = bundle.read_one(content.as_buffer(), where=f"image '{image_id}'", metadata=known)
        elif file.is_valid:
            path = Path(os.fsdecode(file.as_py()))
            reading = bundle.read_one(path, where=f"image '{uri}'", metadata=known)
        elif uri is not None:
            reading = bundle.read_one(Path(uri), where=f"image '{uri}'", metadata=known)
        else:
            raise DecodeError("incomplete-row", "expected a uri or the image's content, got neither")
    except DecodeError as error:
        detail = f"{error.what}; {error.todo}" if error.todo else error.what
        return {**found, "reject_reason": error.reason, "reject_detail": detail}
    return {
        **found,
        "score": reading.scores,
        "decision": reading.decision,
        "operating_point": reading.operating_point,
        "novelty": reading.novelty,
        "bundle": reading.bundle,
        "sha256": reading.sha256,
        "metadata_missing": ", ".join(reading.metadata_missing) if fields else None,
        "reason": reading.reason,
        "quality": None if reading.quality is None else ", ".join(reading.quality),
    }


def _cell(batch: pa.RecordBatch, name: str, row: int) -> pa.Scalar:
    return batch.column(name)[row] if name in batch.schema.names else pa.scalar(None)
