"""A session of Spark: found or started, set up for images, and stopped again by whoever started it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from overread.errors import EngineError
from overread.progress import SILENT, Progress

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def open_session(
    master: str | None = None,
    *,
    cores: int | None = None,
    conf: Mapping[str, str | int | float | bool],
    progress: Progress = SILENT,
) -> Iterator[SparkSession]:
    """Take the session that runs, or start one and stop it in the end.

    Args:
        master: See `overread.engine.open_engine`.
        cores: See there.
        conf: See there.
        progress: Is told what was chosen.

    Raises:
        EngineError: pyspark or Java is missing, or the cluster cannot be reached.
    """
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise EngineError(
            "the package pyspark is not installed", where="engine", todo="pip install 'overread[spark]'"
        ) from error
    running = SparkSession.getActiveSession()
    if running is not None and master is None:
        yield running
        return
    chosen = configuration(master or f"local[{cores or '*'}]", cores=cores) | {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in conf.items()
    }
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.appName("overread")
    for name, value in chosen.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    progress.note(f"Spark {session.version} on {session.sparkContext.master}")
    try:
        yield session
    finally:
        session.stop()


def configuration(master: str, *, cores: int | None = None) -> dict[str, str]:
    """Settings for images on Spark, chosen by the master."""
    local = master.startswith("local")
    inside = master.removeprefix("local").strip("[]") or "1"
    chosen = {
        # In local mode a task has one try unless the master says otherwise.
        "spark.master": f"local[{inside},4]" if local and "," not in inside else master,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "64",
        "spark.executorEnv.OMP_NUM_THREADS": "1",
    }
    if local:
        chosen |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    elif cores:
        chosen["spark.cores.max"] = str(cores)
    return chosen
