"""The engine that a study or a command asks for, opened and closed again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from overread.engine.engine import Engine
from overread.engine.local import LocalEngine
from overread.errors import UsageError
from overread.progress import SILENT, Progress

EngineName = Literal["local", "spark"]
ConfValue = str | int | float | bool


@contextmanager
def open_engine(
    name: EngineName = "local",
    *,
    workers: int | None = None,
    master: str | None = None,
    conf: Mapping[str, ConfValue] | None = None,
    progress: Progress = SILENT,
) -> Iterator[Engine]:
    """Open an engine; leaving the context ends what it started.

    Args:
        name: "local": processes of this machine; "spark": Apache Spark.
        workers: How many processes; on Spark, how many tasks run at once in `local[*]` or cores are asked of
            a cluster. None for all there are.
        master: Of Spark: "local[*]", "local[2]", "spark://HOST:PORT", "yarn", "k8s://…"; None for "local[*]",
            or for the session that is running already.
        conf: Settings of Spark that are to be other than those chosen from the cluster.
        progress: Is told what was chosen.

    Raises:
        UsageError: A setting of Spark without Spark.
        EngineError: Spark or its Java machine cannot be had, or the cluster cannot be reached.
    """
    if name == "local":
        if master is not None or conf:
            raise UsageError(
                "expected the engine spark where a master or a setting of Spark is named, got local",
                where="engine",
                todo="write --engine spark",
            )
        yield LocalEngine(workers)
        return
    from overread.engine.spark import SparkEngine

    with SparkEngine.open(master=master, cores=workers, conf=conf or {}, progress=progress) as engine:
        yield engine
