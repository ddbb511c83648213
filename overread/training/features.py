"""The two stages of training: features through the fast runtime, and resized pixels for fine-tuning."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from overread.bundle.image_file import to_pixels
from overread.engine import REJECT_FIELDS, Engine, atomically
from overread.errors import DecodeError, TrainingError
from overread.imaging import DecodeLimits, GraphRunner
from overread.progress import SILENT, Progress

NEEDED_COLUMNS = ("image_id", "uri", "content")


class FeaturizeStage:
    """Encoded images to features, `list<float32>` of d numbers a row.

    Args:
        preprocess: The preprocessing graph, ONNX bytes.
        network: A truncated backbone, "input" `float32 [n, 3, S, S]` to "features" `float32 [n, d]`.
        threads: Of the network's session; 1 is best where an engine runs a worker a core.
    """

    schema = pa.schema([("image_id", pa.string()), ("features", pa.list_(pa.float32())), *REJECT_FIELDS])

    def __init__(self, preprocess: bytes, network: bytes, *, threads: int = 1) -> None:
        self.preprocess, self.network, self.threads = preprocess, network, threads
        self._opened: tuple[GraphRunner, GraphRunner] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    @property
    def key(self) -> str:
        """What the features depend on, besides the images."""
        return hashlib.sha256(self.preprocess + self.network).hexdigest()

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of image_id, uri and content to rows of features."""
        if self._opened is None:
            self._opened = (
                GraphRunner(self.preprocess, threads=self.threads),
                GraphRunner(self.network, threads=self.threads),
            )
        preprocess, network = self._opened

        def features_of(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
            return np.asarray(network(preprocess(pixels))[0], np.float32)

        for batch in batches:
            yield _map_images(batch, features_of, self.schema)


class ResizeStage:
    """Encoded images to `uint8 [S, S, 3]` pixels as raw bytes: the first half of preprocessing.

    Args:
        graph: The resizing graph, ONNX bytes (`overread.imaging.resize_graph`).
    """

    schema = pa.schema([("image_id", pa.string()), ("pixels", pa.binary()), *REJECT_FIELDS])

    def __init__(self, graph: bytes) -> None:
        self.graph = graph
        self._opened: GraphRunner | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    @property
    def key(self) -> str:
        """What the pixels depend on, besides the images."""
        return hashlib.sha256(self.graph).hexdigest()

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of image_id, uri and content to rows of pixels."""
        self._opened = resize = self._opened or GraphRunner(self.graph, threads=1)
        for batch in batches:
            yield _map_images(
                batch, lambda pixels: np.ascontiguousarray(resize(pixels)).tobytes(), self.schema
            )


def compute_features(
    stage: FeaturizeStage,
    parts: Sequence[Path],
    out: Path,
    *,
    content_hash: str,
    engine: Engine,
    progress: Progress = SILENT,
) -> dict[str, npt.NDArray[np.float32]]:
    """Features of a whole cohort by image_id, computed once and cached by content.

    Args:
        stage: What computes them.
        parts: The cohort's Parquet parts.
        out: The cache's folder; features of other networks and cohorts lie beside these.
        content_hash: The cohort's.
        engine: Where the stage runs.
        progress: Who listens.

    Raises:
        TrainingError: An image of the cohort can no longer be read.
    """
    key = f"features:{stage.key}:{content_hash}"
    folder = out / hashlib.sha256(key.encode()).hexdigest()[:16]
    engine.run(
        stage, parts, folder, key=key, columns=NEEDED_COLUMNS, label="computing features", progress=progress
    )
    table = _whole(pq.ParquetDataset(sorted(folder.glob("part-*.parquet"))).read())
    values = table["features"].combine_chunks()
    matrix = values.flatten().to_numpy(zero_copy_only=False).reshape(len(table), -1)
    return dict(zip(table["image_id"].to_pylist(), matrix, strict=True))


def compute_pixels(
    stage: ResizeStage,
    parts: Sequence[Path],
    out: Path,
    *,
    size: int,
    content_hash: str,
    engine: Engine,
    progress: Progress = SILENT,
) -> tuple[list[str], npt.NDArray[np.uint8]]:
    """Resized pixels of a whole cohort as a memory map, so that they need not fit into memory.

    Returns:
        The image ids, and `uint8 [n, size, size, 3]` in their order.

    Raises:
        TrainingError: An image of the cohort can no longer be read.
    """
    key = f"pixels:{stage.key}:{content_hash}"
    folder = out / hashlib.sha256(key.encode()).hexdigest()[:16]
    engine.run(
        stage, parts, folder, key=key, columns=NEEDED_COLUMNS, label="resizing images", progress=progress
    )
    files = sorted(folder.glob("part-*.parquet"))
    ids: list[str] = []
    for file in files:
        ids += pq.read_table(file, columns=["image_id"])["image_id"].to_pylist()
    raw = folder / "pixels.uint8"
    expected = len(ids) * size * size * 3
    if not raw.is_file() or raw.stat().st_size != expected:
        with atomically(raw) as target:
            for file in files:
                for value in _whole(pq.read_table(file))["pixels"]:
                    target.write(value.as_buffer())
    return ids, np.memmap(raw, np.uint8, "r", shape=(len(ids), size, size, 3))


def _map_images(batch: pa.RecordBatch, function: Any, schema: pa.Schema) -> pa.RecordBatch:
    """Apply a function of pixels to each row; a row that cannot be decoded becomes a reject."""
    ids, uris, contents = (batch.column(name) for name in NEEDED_COLUMNS)
    results: list[Any] = []
    reasons: list[str | None] = []
    details: list[str | None] = []
    for row in range(batch.num_rows):
        source = contents[row].as_buffer() if contents[row].is_valid else Path(uris[row].as_py())
        try:
            pixels, _ = to_pixels(source, limits=DecodeLimits(), where=f"image '{ids[row].as_py()}'")
            results.append(function(pixels))
            reasons.append(None)
            details.append(None)
        except DecodeError as error:
            results.append(None)
            reasons.append(error.reason)
            details.append(str(error))
    columns = [
        ids,
        pa.array(results, schema.field(1).type),
        *(pa.array(c, pa.string()) for c in (reasons, details)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _whole(table: pa.Table) -> pa.Table:
    rejected = table.filter(pc.is_valid(table["reject_reason"]))
    if len(rejected):
        raise TrainingError(
            f"{len(rejected)} images of the cohort can no longer be read, the first: "
            f"{rejected['reject_detail'][0].as_py()}",
            todo="put the files back, or ingest the cohort again",
        )
    return table
