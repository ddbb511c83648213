"""Reading the images of a DataFrame that a program has already: on Databricks, or in any session of Spark."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from overread.bundle.metadata_table import field_columns
from overread.bundle.predict_stage import PredictStage
from overread.bundle.read import Bundle
from overread.engine.spark import SparkEngine
from overread.engine.spark.hadoop import HadoopFiles, is_uri
from overread.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_frame(
    engine: SparkEngine | SparkSession, bundle: Path | str, frame: DataFrame, *, small: bool = False
) -> DataFrame:
    """Read the images of a DataFrame with a bundle; lazily, as all that Spark does.

    Args:
        engine: The session of Spark, or the engine on it.
        bundle: The bundle's folder or file on the driver, or the URI of its file (.overread).
        frame: With the column `content` (the encoded images) and `image_id`, `uri` or `path`: a table of
            yours, or what `binaryFile` reads. What the bundle asks for beside the pixels is taken from
            columns of the names that an ingest knows; what has no column is not known.
        small: Read with network.small.onnx.

    Returns:
        A row an image, in the order of each partition, in `overread.bundle.predict_stage.READING_SCHEMA`. An
        image that cannot be read has its `reject_reason` and `reject_detail`, and no score.

    Raises:
        UsageError: The frame has not the columns.
        BundleError: The bundle cannot be read.
        EngineError: It cannot be fetched.

    Example:
        >>> images = spark.read.format("binaryFile").load("s3a://hospital/skin")  # doctest: +SKIP
        >>> readings = read_frame(spark, "s3a://models/skin.overread", images)  # doctest: +SKIP
        >>> readings.write.saveAsTable("readings")  # doctest: +SKIP
    """
    session = engine.session if isinstance(engine, SparkEngine) else engine
    there = frame.columns
    name = next((one for one in ("image_id", "uri", "path") if one in there), None)
    if name is None or "content" not in there:
        raise UsageError(
            f"expected the columns 'content' and 'image_id', 'uri' or 'path', got {there}",
            where="DataFrame",
            todo="rename its columns",
        )
    place = bundle_here(session, bundle)
    opened = Bundle.load(place, small=small)
    uri = next((f"`{one}`" for one in ("uri", "path") if one in there), "NULL")
    own = field_columns(opened.manifest.metadata, there, where="DataFrame")
    numbers = {field.name for field in opened.manifest.metadata if field.kind == "number"}
    chosen = frame.selectExpr(
        f"CAST(`{name}` AS STRING) AS image_id",
        f"CAST({uri} AS STRING) AS uri",
        "CAST(content AS BINARY) AS content",
        *(
            # A number that is none is as good as not known.
            f"NULLIF(TRY_CAST(`{column}` AS DOUBLE), DOUBLE('NaN')) AS `{field}`"
            if field in numbers
            else f"CAST(`{column}` AS STRING) AS `{field}`"
            for field, column in own.items()
        ),
    )
    stage = PredictStage(place, digest=opened.digest, small=small)
    return SparkEngine(session).apply(stage, chosen)


def bundle_here(session: SparkSession, bundle: Path | str) -> Path:
    """A bundle on this machine; where it is elsewhere, a copy that lasts as long as the process.

    Raises:
        EngineError: It cannot be fetched.
    """
    if isinstance(bundle, Path) or not is_uri(bundle):
        return Path(bundle)
    folder = Path(tempfile.mkdtemp(prefix="overread-bundle-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = folder / bundle.rstrip("/").rpartition("/")[2]
    HadoopFiles(session).fetch(bundle, copy)
    return copy
