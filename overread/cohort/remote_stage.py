"""The stage that brings files of a Hadoop file system to the disk that the machines of a cluster share."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from overread.engine import REJECT_FIELDS
from overread.engine.atomic import unwritable
from overread.errors import EngineError


class FetchStage:
    """Writes `content` to the file of the name `image_id` below a folder.

    Args:
        folder: Where; it must be there.
    """

    schema: pa.Schema = pa.schema(
        [pa.field("image_id", pa.string()), pa.field("bytes", pa.int64()), *REJECT_FIELDS]
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Write files: columns `image_id` and `content`.

        Raises:
            EngineError: This machine does not see the folder, or the disk is full.
        """
        if not self._folder.is_dir():
            raise EngineError(
                f"the machine {platform.node()} of the cluster does not see this folder",
                where=str(self._folder),
                todo="name a folder for the cohort on a disk that all machines share",
            )
        for batch in batches:
            names, contents = batch.column("image_id").to_pylist(), batch.column("content")
            rows = []
            for at, name in enumerate(names):
                content = contents[at].as_buffer() or b""
                _write(self._folder / name, content)
                rows.append({"image_id": name, "bytes": len(content)})
            yield pa.RecordBatch.from_pylist(rows, schema=self.schema)


def _write(path: Path, content: pa.Buffer | bytes) -> None:
    """Write a file under its name once it is whole.

    Nothing is flushed to the disk, which would take longer than all the rest: what a power cut leaves has
    another size than was said, and is brought again.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as handle:
            handle.write(content)
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise unwritable(path, error) from error
