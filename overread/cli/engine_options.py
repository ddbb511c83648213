"""Where a command runs its stages, said in the same words by every command that has images to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overread.cli.source_options import pairs
from overread.errors import UsageError
from overread.progress import Progress

if TYPE_CHECKING:
    from overread.engine import Engine
    from overread.study import Study
    from overread.study.settings import EngineTable

EngineOption = Annotated[
    str | None,
    typer.Option("--engine", metavar="NAME", help="Where images are read: local (default) or spark."),
]
MasterOption = Annotated[
    str | None,
    typer.Option(
        "--master",
        help=r"Of Spark: local\[*] (default), local\[2], spark://HOST:PORT, yarn or k8s://HOST:PORT.",
    ),
]
SparkConfOption = Annotated[
    list[str] | None,
    typer.Option(
        "--spark-conf",
        metavar="KEY=VALUE",
        help="A setting of Spark: spark.executor.memory=4g. May be repeated.",
    ),
]


@contextmanager
def chosen_engine(
    engine: str | None,
    *,
    workers: int | None,
    master: str | None,
    spark_conf: Sequence[str] | None,
    progress: Progress,
) -> Iterator[Engine]:
    """The engine that options ask for; what it started ends with the context.

    Args:
        engine: Of `EngineOption`; None: local.
        workers: Of `WorkersOption`.
        master: Of `MasterOption`.
        spark_conf: Of `SparkConfOption`, "KEY=VALUE" each.
        progress: Is told what Spark was set to.

    Raises:
        UsageError: An option cannot be what it says, or speaks of Spark where Spark was not asked for.
        EngineError: Spark or its Java machine cannot be had, or the cluster cannot be reached.
    """
    if engine in (None, "local") and master is None and not spark_conf:
        from overread.engine import LocalEngine

        yield LocalEngine(workers)
        return
    from overread.study.settings import EngineTable

    table = engine_table(EngineTable(), engine=engine, workers=workers, master=master, spark_conf=spark_conf)
    with table.opened(progress=progress) as opened:
        yield opened


def with_engine(
    study: Study,
    *,
    engine: str | None,
    workers: int | None,
    master: str | None,
    spark_conf: Sequence[str] | None,
) -> Study:
    """A study that runs where options say, and where they say nothing, where its file does.

    Raises:
        UsageError: As of `chosen_engine`.
    """
    from dataclasses import replace

    table = engine_table(
        study.settings.engine, engine=engine, workers=workers, master=master, spark_conf=spark_conf
    )
    return replace(study, settings=study.settings.model_copy(update={"engine": table}))


def engine_table(
    said: EngineTable,
    *,
    engine: str | None,
    workers: int | None,
    master: str | None,
    spark_conf: Sequence[str] | None,
) -> EngineTable:
    """The `[engine]` table of a study, with what options say instead.

    Raises:
        UsageError: As of `chosen_engine`.
    """
    from pydantic import ValidationError

    conf = pairs("--spark-conf", spark_conf, "spark.executor.memory=4g")
    options: dict[str, Any] = {"engine": engine, "workers": workers, "master": master}
    changed = {name: value for name, value in options.items() if value is not None}
    changed |= {"spark": {**said.spark, **conf}} if conf else {}
    try:
        table = type(said).model_validate({**said.model_dump(), **changed})
    except ValidationError as error:
        raise _wrong(error) from error
    if table.engine == "local" and (master is not None or conf):
        raise UsageError(
            "expected the engine spark where a master or a setting of Spark is named, got local",
            where="--master" if master is not None else "--spark-conf",
            todo="write --engine spark",
        )
    return table


def _wrong(error: Any) -> UsageError:
    first = error.errors()[0]
    if first["loc"]:
        expected = first["msg"].removeprefix("Input should be ").replace("'", "")
        return UsageError(f"expected {expected}, got '{first['input']}'", where=f"--{first['loc'][0]}")
    # The check of the whole table names its key itself.
    key, _, sentence = first["msg"].removeprefix("Value error, ").partition(": ")
    return UsageError(sentence, where={"spark": "--spark-conf"}.get(key, f"--{key}"))
