"""A source that only a Hadoop file system holds: its names and tables here, its images brought by Spark."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from overread.cohort.candidates import Candidate, Listing
from overread.cohort.listing import is_visible
from overread.cohort.remote_stage import FetchStage
from overread.cohort.settings import IngestSettings
from overread.cohort.tables import is_table
from overread.engine import REJECT_DETAIL, REJECT_REASON, Engine, list_parts
from overread.engine.spark import SparkEngine
from overread.engine.spark.frame_reader import HOLDER, RemoteImages
from overread.engine.spark.frame_run import run_remote
from overread.engine.spark.hadoop import HadoopFiles, Root
from overread.engine.spark.hadoop_status import Status
from overread.errors import CohortError, OverreadError, UsageError
from overread.progress import Progress, Task

_FETCHED = "fetched"
_LARGEST_TABLE = 2**29
_NANOSECONDS = 10**6

Refusals = dict[str, tuple[str, str]]
"""Path below the source → reason and sentence, of files that could not be brought."""


@dataclass(frozen=True)
class RemoteSource:
    """A source elsewhere, as layouts see it here: all its names, and the content of its tables alone.

    Attributes:
        uri: What the user named.
        source: The folder (or the file in it) that stands for it on this machine. Images in it are as long
            as they should be and hold nothing.
        root: That folder.
        files: Path below the root → what the file system said.
        closed: Folders below that could not be listed, and why.
        engine: That reads it.
    """

    uri: str
    source: Path
    root: Path
    files: dict[str, Status]
    closed: tuple[tuple[str, str], ...]
    engine: SparkEngine

    def complete(self, listing: Listing) -> Listing:
        """A listing of what is here, with the folders that could not be listed there."""
        closed = [Candidate(name, reason="unreadable-file", detail=why) for name, why in self.closed]
        ordered = sorted([*listing.candidates, *closed], key=lambda one: (one.uri, one.file or ""))
        return replace(listing, candidates=tuple(ordered))

    def fetch(
        self, names: Sequence[str], work: Path, *, key: str, progress: Progress
    ) -> tuple[Path, Refusals]:
        """Bring files to a folder that the machines of the cluster share.

        Args:
            names: Paths below the root.
            work: A folder on the shared disk; what an interrupted call has brought into it is kept.
            key: Names what they are brought for.
            progress: Who listens.

        Returns:
            The folder below which they lie, and those that could not be brought.

        Raises:
            EngineError: Spark gave up, a machine does not see the folder, or the disk is full.
        """
        folder, parts = work / _FETCHED, work / "fetching"
        folder.mkdir(parents=True, exist_ok=True)
        if not all(_is_whole(folder, row) for row in _rows(parts)):
            shutil.rmtree(parts)
        wanted = [(name, self.files[name]) for name in sorted(names)]
        images = RemoteImages(
            pa.table(
                {
                    "image_id": pa.array([name for name, _ in wanted], pa.string()),
                    "uri": pa.array([one.path for _, one in wanted], pa.string()),
                    "file": pa.array([one.path.encode() for _, one in wanted], pa.binary()),
                    "size": pa.array([one.size for _, one in wanted], pa.int64()),
                    "modified": pa.array([one.modified * _NANOSECONDS for _, one in wanted], pa.int64()),
                    HOLDER: pa.nulls(len(wanted), pa.string()),
                }
            ),
            roots=(self.root_path,),
        )
        run_remote(
            self.engine.session,
            FetchStage(folder),
            images,
            parts,
            key=key,
            label="fetching images",
            progress=progress,
        )
        refused = (row for row in _rows(parts) if row[REJECT_REASON] is not None)
        return folder, {row["image_id"]: (row[REJECT_REASON], row[REJECT_DETAIL]) for row in refused}

    @property
    def root_path(self) -> str:
        """The folder as Hadoop spells it."""
        name, status = next(iter(self.files.items()))
        return status.path[: len(status.path) - len(name) - 1]

    def said(self, text: str) -> str:
        """A text about the folder here as one about the folder there."""
        folder = self.uri if self.source == self.root else self.uri.rpartition("/")[0]
        return text.replace(str(self.root), folder)


@contextmanager
def remote_source(uri: str, *, engine: Engine, settings: IngestSettings) -> Iterator[RemoteSource]:
    """List a source elsewhere and fetch its tables; what stands for it here goes with the context.

    Errors raised inside name the source by its URI.

    Raises:
        UsageError: Another engine than Spark, several sources, or images that are not to be embedded.
        EngineError: The file system cannot be reached.
    """
    where = f"source '{uri}'"
    if not isinstance(engine, SparkEngine):
        raise UsageError(
            "only Spark reaches this file system",
            where=where,
            todo="write --engine spark, or copy the folder to this machine",
        )
    if not settings.embed:
        raise UsageError(
            "a cohort cannot point into another file system", where=where, todo="embed the images"
        )
    hadoop = HadoopFiles(engine.session)
    found = hadoop.find(uri, enter=is_visible)
    if len(found) > 1:
        raise UsageError(f"names {len(found)} folders or files", where=where, todo="name one")
    top, name = found[0], None
    if not top.is_folder:
        name = top.files[0][0]
        top = hadoop.find(uri.rpartition("/")[0], enter=is_visible)[0]
    if not top.files:
        raise CohortError("holds no file", where=where, todo="name the folder that holds the images")
    with tempfile.TemporaryDirectory(prefix="overread-source-") as folder:
        root = Path(folder) / (top.path.rpartition("/")[2] or "source")
        _stand_in(top, root, hadoop)
        source = root / name if name is not None else root
        remote = RemoteSource(uri.rstrip("/"), source, root, dict(top.files), top.closed, engine)
        try:
            yield remote
        except OverreadError as error:
            raise _renamed(error, remote) from error


def refuse(fresh: pa.Table, refused: Refusals, files: dict[str, str]) -> pa.Table:
    """What was read, with the reasons for what could not even be brought.

    Args:
        fresh: In the schema of `ReadStage`.
        refused: From `RemoteSource.fetch`.
        files: image_id → path below the source.
    """
    if not refused:
        return fresh
    rows = fresh.to_pylist()
    for row in rows:
        reason = refused.get(files[row["image_id"]])
        if reason is not None:
            row[REJECT_REASON], row[REJECT_DETAIL] = reason
    return pa.Table.from_pylist(rows, schema=fresh.schema)


class RenamingProgress:
    """Tells another listener of a remote source by its URI."""

    def __init__(self, listener: Progress, remote: RemoteSource) -> None:
        self._listener, self._remote = listener, remote

    def task(self, label: str, total: int | None = None) -> AbstractContextManager[Task]:
        """Open a piece of work."""
        return self._listener.task(label, total)

    def note(self, message: str) -> None:
        """Tell of something that happened."""
        self._listener.note(self._remote.said(message))


def _stand_in(top: Root, root: Path, hadoop: HadoopFiles) -> None:
    """Make a folder with all names: tables near its top with their content, all else with its length."""
    root.mkdir(parents=True)
    for name, status in top.files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if _is_read_here(name) and status.size <= _LARGEST_TABLE:
            hadoop.fetch(status.path, path)
        else:
            with path.open("wb") as handle:
                handle.truncate(status.size)
        stamp = status.modified * _NANOSECONDS
        os.utime(path, ns=(stamp, stamp))


def _is_read_here(name: str) -> bool:
    """Whether layouts look into a file: a table, a list or an archive of arrays, not far below the top."""
    return name.count("/") <= 1 and (is_table(Path(name)) or name.lower().endswith(".npz"))


def _rows(parts: Path) -> Iterator[dict[str, Any]]:
    for part in list_parts(parts):
        yield from pq.read_table(part).to_pylist()


def _is_whole(folder: Path, row: dict[str, Any]) -> bool:
    if row[REJECT_REASON] is not None:
        return True
    try:
        return (folder / str(row["image_id"])).stat().st_size == int(row["bytes"])
    except OSError:
        return False


def _renamed(error: OverreadError, remote: RemoteSource) -> OverreadError:
    where = remote.said(error.where) if error.where is not None else None
    todo = remote.said(error.todo) if error.todo is not None else None
    return type(error)(remote.said(error.what), where=where, todo=todo)
