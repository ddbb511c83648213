"""A stage that computes features as `FeaturizeStage` does and says what each part of the work took.

It lies in a module of its own so that workers of a cluster can import it (`SparkContext.addPyFile`).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from overread.bundle.image_file import to_pixels
from overread.engine import REJECT_FIELDS
from overread.errors import DecodeError
from overread.imaging import DecodeLimits, GraphRunner
from overread.imaging.files import read_file

PARTS = ("read", "decode", "preprocess", "network", "answer", "write")
"""Bytes from storage; encoded bytes to pixels (and their hash); resize and normalisation; the network;
numbers to Arrow; a part onto storage, with what an engine does between two slices of a task."""

COUNTERS = pa.struct(
    [
        *(pa.field(f"{part}_{clock}", pa.float64()) for clock in ("cpu", "wall") for part in PARTS),
        pa.field("images", pa.int64()),
        pa.field("written_images", pa.int64()),
        pa.field("bytes", pa.int64()),
        pa.field("worker", pa.string()),
        pa.field("task", pa.int64()),
        pa.field("began", pa.float64()),
        pa.field("ended", pa.float64()),
    ]
)
"""Seconds by part; images of the batch, and of the slice whose writing was seen; who did it, and when."""


class TimedFeaturizeStage:
    """Encoded images to features; the first row of each batch carries `COUNTERS`.

    What a slice's last write took is known once the worker begins its next slice, and is counted there, with
    the number of images that were written.

    Args:
        preprocess: The preprocessing graph, ONNX bytes.
        network: The network, ONNX bytes.
    """

    schema = pa.schema(
        [
            ("image_id", pa.string()),
            ("features", pa.list_(pa.float32())),
            ("spent", COUNTERS),
            *REJECT_FIELDS,
        ]
    )

    def __init__(self, preprocess: bytes, network: bytes) -> None:
        self.preprocess, self.network = preprocess, network
        self._opened: tuple[GraphRunner, GraphRunner] | None = None
        self._left: _Laps | None = None
        self._task = -2

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None, "_left": None}

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of image_id, uri and content to rows of features."""
        task, written, laps = _task(), 0, _Laps()
        if self._left is not None:
            laps, written = self._left, self._left.images
            # Behind another task this thread also waited for the scheduler, which is no writing.
            laps.lap("write", waited=self._task == task)
            laps.images = 0
        if self._opened is None:
            self._opened = GraphRunner(self.preprocess, threads=1), GraphRunner(self.network, threads=1)
            laps.restart()
        source = iter(batches)
        began = time.time()
        while (batch := next(source, None)) is not None:
            laps.lap("read")
            columns, size = self._features(batch, laps)
            said = {**laps.take(), "images": batch.num_rows, "written_images": written, "bytes": size}
            said |= {"worker": f"{socket.gethostname()}:{os.getpid()}", "task": task}
            said |= {"began": began, "ended": time.time()}
            spent = pa.array([said, *[None] * (batch.num_rows - 1)], COUNTERS)
            laps.images += batch.num_rows
            yield pa.RecordBatch.from_arrays([*columns[:2], spent, *columns[2:]], schema=self.schema)
            laps.lap("write")
            began, written = time.time(), 0
        laps.lap("read")
        self._left, self._task = laps, task

    def _features(self, batch: pa.RecordBatch, laps: _Laps) -> tuple[list[pa.Array], int]:
        """image_id, features, reason and detail; and how many encoded bytes there were."""
        assert self._opened is not None
        preprocess, network = self._opened
        ids, uris, contents = (batch.column(name) for name in ("image_id", "uri", "content"))
        rows: list[tuple[Any, str | None, str | None]] = []
        size = 0
        for at in range(batch.num_rows):
            content, limits = contents[at], DecodeLimits()
            try:
                if content.is_valid:
                    source = content.as_buffer()
                else:
                    source = pa.py_buffer(read_file(Path(uris[at].as_py()), limits=limits))
                    laps.lap("read")
                size += source.size
                pixels, _ = to_pixels(source, limits=limits, where=f"image '{ids[at].as_py()}'")
                laps.lap("decode")
                inputs = preprocess(pixels)
                laps.lap("preprocess")
                rows.append((np.asarray(network(inputs)[0], np.float32), None, None))
                laps.lap("network")
            except DecodeError as error:
                rows.append((None, error.reason, str(error)))
                laps.lap("decode")
        features, reasons, details = (list(column) for column in zip(*rows, strict=True))
        made = [ids, pa.array(features, pa.list_(pa.float32()))]
        made += [pa.array(column, pa.string()) for column in (reasons, details)]
        laps.lap("answer")
        return made, size


class _Laps:
    """Two stop-watches: what this thread computed, and what passed."""

    def __init__(self) -> None:
        self.images = 0
        self._seconds: dict[str, float] = {}
        self.restart()

    def restart(self) -> None:
        """Forget the time since the last lap: it belongs to no part."""
        self._cpu, self._wall = time.thread_time(), time.perf_counter()

    def lap(self, part: str, *, waited: bool = True) -> None:
        """Add the time since the last lap to a part; if not `waited`, only what was computed of it."""
        cpu, wall = self._cpu, self._wall
        self.restart()
        cpu, wall = self._cpu - cpu, self._wall - wall
        for name, spent in ((f"{part}_cpu", cpu), (f"{part}_wall", wall if waited else cpu)):
            self._seconds[name] = self._seconds.get(name, 0.0) + spent

    def take(self) -> dict[str, float]:
        """The seconds by part since the last time, and begin anew."""
        taken, self._seconds = self._seconds, {}
        zero = {f"{part}_{clock}": 0.0 for clock in ("cpu", "wall") for part in PARTS}
        return {**zero, **taken}


def _task() -> int:
    """The number of Spark's task that this runs in; -1 where it runs in none."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return -1 if context is None else int(context.taskAttemptId())


def counters_of(folder: Path) -> list[list[dict[str, Any]]]:
    """The counters of each part of a finished run."""
    import pyarrow.parquet as pq

    from overread.engine import list_parts

    parts = (pq.read_table(part, columns=["spent"])["spent"].to_pylist() for part in list_parts(folder))
    return [[row for row in rows if row] for rows in parts]


def summary(slices: list[list[dict[str, Any]]], *, seconds: float) -> dict[str, Any]:
    """What the counters of a run say.

    Args:
        slices: Counters of the batches of each part, or of each task.
        seconds: That the whole run took.

    Returns:
        images, images_per_second, cores (workers that were seen), parts (ms an image, CPU and wall),
        megabytes an image, slices, spread (of CPU time an image between slices, standard deviation over
        mean), seconds, of these driver_seconds (before the first and behind the last slice) and tail_seconds
        (that workers waited for the last, mean).
    """
    own = [part for part in PARTS if part != "write"]  # a slice's first row tells of the slice before
    of_slices = [
        sum(row[f"{part}_cpu"] for row in rows for part in own) / sum(row["images"] for row in rows)
        for rows in slices
    ]
    counted = [row for rows in slices for row in rows]
    images = sum(row["images"] for row in counted)
    written = sum(row["written_images"] for row in counted)
    divisor = {part: written if part == "write" else images for part in PARTS}
    began, ended = min(row["began"] for row in counted), max(row["ended"] for row in counted)
    last = {row["worker"]: row["ended"] for row in sorted(counted, key=lambda row: row["ended"])}
    return {
        "images": images,
        "seconds": seconds,
        "images_per_second": images / seconds,
        "cores": len(last),
        "parts": {
            part: {
                f"{clock}_ms": 1000 * sum(row[f"{part}_{clock}"] for row in counted) / max(divisor[part], 1)
                for clock in ("cpu", "wall")
            }
            for part in PARTS
        },
        "megabytes": sum(row["bytes"] for row in counted) / images / 1e6,
        "slices": len(of_slices),
        "spread": float(np.std(of_slices) / np.mean(of_slices)),
        "driver_seconds": seconds - (ended - began),
        "tail_seconds": float(np.mean([ended - one for one in last.values()])),
    }
